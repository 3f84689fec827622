"""What indicators tell and lack, what a register cannot tell yet, and profiles of counties."""

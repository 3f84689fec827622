from costeff.cli import main

main()

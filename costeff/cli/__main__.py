from costeff.cli.start import main

main()

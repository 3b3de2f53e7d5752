"""What an administrator can do, as functions: the console and the command line call the same ones."""

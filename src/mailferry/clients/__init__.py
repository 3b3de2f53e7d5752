"""What is known of devices and programs that send mail, and how one is recognised by what it says on the wire."""

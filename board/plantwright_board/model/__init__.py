"""Pure: what gateways and objects say in, rows for viewers out. No I/O, no clock."""

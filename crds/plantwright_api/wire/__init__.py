"""What operator, gateway and MES say to each other at run time. msgspec only, so that a gateway stays small."""

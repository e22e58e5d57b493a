"""Where the board's knowledge comes from: one stream per gateway, and watches of the cluster that say which gateways there are."""

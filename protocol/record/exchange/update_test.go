package exchange

import "flag"

var (
	update    = flag.Bool("update", false, "write EXCHANGE.md anew")
	histories = flag.Int("histories", 300, "random histories that are played on three nodes")
)

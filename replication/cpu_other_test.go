//go:build !unix

package replication

import "time"

func cpuTime() time.Duration { return 0 }

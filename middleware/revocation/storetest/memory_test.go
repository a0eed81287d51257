package storetest_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

func TestMemoryMeetsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Engine {
		m := storetest.NewMemory()
		return storetest.Engine{
			Open:  func() revocation.Store { return m },
			Other: func() revocation.Store { return storetest.NewMemory() },
			Delay: m.Delay, Trim: m.Trim, Restart: m.Restart, Backup: m.Backup, Stall: m.Stall,
		}
	})
}

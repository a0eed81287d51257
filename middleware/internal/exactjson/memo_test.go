package exactjson_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/exactjson"
)

type flat struct {
	Name string `json:"name"`
	Age  int
	Rest [2]struct{ A, B bool }
}

// Only what can be handed to many at once is kept.
func TestMemoKeepsWhatCanBeCopied(t *testing.T) {
	type withPointer struct{ P *int }
	type withMap struct{ M map[string]int }
	type withSlice struct{ Deep struct{ S []string } }
	type withInterface struct{ V any }
	type withDate struct{ At time.Time } // holds a pointer, and decodes itself
	var m exactjson.Memo
	exactjson.Keep(&m, withPointer{new(int)})
	exactjson.Keep(&m, withMap{map[string]int{}})
	exactjson.Keep(&m, withSlice{})
	exactjson.Keep(&m, withInterface{})
	exactjson.Keep(&m, withDate{time.Now()})
	exactjson.Keep(&m, [1][]string{})
	exactjson.Keep(&m, own(7))
	exactjson.Keep[any](&m, flat{Name: "as any"})
	exactjson.Keep(&m, json.RawMessage("{}"))
	if _, ok := exactjson.Recall[withPointer](&m); ok {
		t.Error("a pointer is kept")
	}
	if _, ok := exactjson.Recall[withSlice](&m); ok {
		t.Error("a slice is kept")
	}
	if _, ok := exactjson.Recall[own](&m); ok {
		t.Error("a type that decodes itself is kept")
	}
	if _, ok := exactjson.Recall[any](&m); ok {
		t.Error("an interface is kept")
	}
	exactjson.Keep(&m, flat{Name: "alice"})
	exactjson.Keep(&m, flat{Name: "bob"})
	if got, ok := exactjson.Recall[flat](&m); !ok || got.Name != "alice" {
		t.Errorf("%+v, %t; want the first", got, ok)
	}
	if _, ok := exactjson.Recall[any](&m); ok {
		t.Error("what was kept as one type is recalled as another")
	}
	exactjson.Keep(&m, "text")
	exactjson.Keep(&m, 1)
	exactjson.Keep(&m, true)
	exactjson.Keep(&m, 1.5)
	if _, ok := exactjson.Recall[float64](&m); ok {
		t.Error("more types are kept than there is room for")
	}
	if _, ok := exactjson.Recall[bool](&m); !ok {
		t.Error("the fourth type is not kept")
	}
}

type own int

func (o *own) UnmarshalJSON([]byte) error { return nil }

func TestMemoForMany(t *testing.T) {
	var m exactjson.Memo
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			exactjson.Keep(&m, flat{Name: "same"})
			exactjson.Keep(&m, i)
			if got, ok := exactjson.Recall[flat](&m); !ok || got.Name != "same" {
				t.Errorf("%+v, %t", got, ok)
			}
		})
	}
	wg.Wait()
	if got := testing.AllocsPerRun(100, func() { exactjson.Recall[flat](&m) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

package statuslist_test

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

const mebibyte = 1 << 20

// The vectors are those of draft-ietf-oauth-status-list-20, section 4.2 and the appendix; what they do not name is 0.
func TestVectorsOfTheSpecification(t *testing.T) {
	var vectors []struct {
		Name     string
		List     json.RawMessage
		Size     int
		Statuses map[int]byte
	}
	if err := json.Unmarshal(testkit.Must(os.ReadFile("testdata/vectors.json")), &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			size, at, err := statuslist.ReadStatuses(`{"status_list":`+string(v.List)+`}`, mebibyte)
			if err != nil || size != v.Size {
				t.Fatalf("%d statuses, %v, want %d", size, err, v.Size)
			}
			for i := range size {
				if got, ok := at(i); !ok || got != v.Statuses[i] {
					t.Errorf("status[%d] is %d, %t, want %d", i, got, ok, v.Statuses[i])
				}
			}
			for _, outside := range []int{-1, size, size + 7, 1 << 30} {
				if got, ok := at(outside); ok {
					t.Errorf("status[%d] is %d, want none", outside, got)
				}
			}
		})
	}
}

func TestListsThatCannotBeRead(t *testing.T) {
	whole := zipped(make([]byte, 100))
	lst := func(compressed []byte) string {
		return `{"status_list":{"bits":1,"lst":"` + testkit.B64(compressed) + `"}}`
	}
	good := lst(whole)
	withDictionary := func() []byte {
		var b bytes.Buffer
		w := testkit.Must(zlib.NewWriterLevelDict(&b, zlib.BestCompression, []byte("dictionary")))
		_, _ = w.Write([]byte("dictionary"))
		_ = w.Close()
		return b.Bytes()
	}()
	for name, row := range map[string]struct {
		document string
		maxBytes int
		good     bool
	}{
		"as long as is allowed":              {good, 100, true},
		"longer than is allowed":             {good, 99, false},
		"empty":                              {lst(zipped(nil)), 100, true},
		"a member that nobody knows":         {`{"status_list":{"bits":8,"lst":"` + testkit.B64(whole) + `","aggregation_uri":"https://a"}}`, 100, true},
		"no status_list":                     {`{}`, 100, false},
		"status_list is null":                {`{"status_list":null}`, 100, false},
		"status_list is text":                {`{"status_list":"eNrbuRgAAhcBXQ"}`, 100, false},
		"a name in another case":             {`{"STATUS_LIST":{"bits":1,"lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"bits in another case":               {`{"status_list":{"Bits":1,"lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"lst in another case beside it":      {`{"status_list":{"bits":1,"LST":"","lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"three bits":                         {`{"status_list":{"bits":3,"lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"no bit":                             {`{"status_list":{"bits":0,"lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"sixteen bits":                       {`{"status_list":{"bits":16,"lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"bits in text":                       {`{"status_list":{"bits":"1","lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"bits in another spelling":           {`{"status_list":{"bits":1.0,"lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"no bits":                            {`{"status_list":{"lst":"` + testkit.B64(whole) + `"}}`, 100, false},
		"no lst":                             {`{"status_list":{"bits":1}}`, 100, false},
		"lst is a number":                    {`{"status_list":{"bits":1,"lst":1}}`, 100, false},
		"lst is padded":                      {`{"status_list":{"bits":1,"lst":"` + base64.URLEncoding.EncodeToString(zipped(make([]byte, 1))) + `"}}`, 100, false},
		"lst has a line break":               {`{"status_list":{"bits":1,"lst":"` + testkit.B64(whole)[:4] + `\n` + testkit.B64(whole)[4:] + `"}}`, 100, false},
		"lst is nothing":                     {lst(nil), 100, false},
		"DEFLATE without ZLIB":               {lst(whole[2 : len(whole)-4]), 100, false},
		"a dictionary that nobody has":       {lst(withDictionary), 100, false},
		"cut off":                            {lst(whole[:len(whole)-1]), 100, false},
		"another checksum":                   {lst(append(whole[:len(whole)-1:len(whole)-1], whole[len(whole)-1]^1)), 100, false},
		"something behind its end":           {lst(append(whole[:len(whole):len(whole)], 0)), 100, false},
		"a bomb, a thousandth of its length": {lst(zipped(make([]byte, 4*mebibyte))), mebibyte, false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := statuslist.ReadStatuses(row.document, row.maxBytes); (err == nil) != row.good {
				t.Errorf("%v, good: %t", err, row.good)
			}
		})
	}
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// The other reading takes a status bit by bit and has its JSON and base64 from the standard library.
func FuzzStatuses(f *testing.F) {
	for _, bits := range []int{0, 1, 2, 3, 4, 8} {
		f.Add(fmt.Sprintf(`{"status_list":{"bits":%d,"lst":%q}}`, bits, testkit.B64(zipped([]byte{0xb9, 0xa3, 0x44, 0xf9}))), 9)
	}
	f.Add(`{"status_list":{"bits":1,"lst":"eNrbuRgAAhcBXQ"}}`, 3)
	f.Add(`{"status_list":{"bits":2,"lst":"eNo76fITAAPfAgc"}}`, 11)
	f.Fuzz(func(t *testing.T, document string, index int) {
		const most = 1 << 16
		size, at, err := statuslist.ReadStatuses(document, most)
		if err != nil {
			return // it may refuse more than the other
		}
		other, err := readOtherwise(document, most)
		if err != nil {
			t.Fatalf("%q was read, and the other reading has %v", document, err)
		}
		if size != len(other) {
			t.Fatalf("%d statuses, the other reading has %d", size, len(other))
		}
		got, ok := at(index)
		if inside := index >= 0 && index < len(other); ok != inside || inside && got != other[index] {
			t.Fatalf("status[%d] is %d, %t", index, got, ok)
		}
		for i, want := range other {
			if got, _ := at(i); got != want {
				t.Fatalf("status[%d] is %d, want %d", i, got, want)
			}
		}
	})
}

func readOtherwise(document string, most int) ([]byte, error) {
	var claims struct {
		List struct {
			Bits int    `json:"bits"`
			Lst  string `json:"lst"`
		} `json:"status_list"`
	}
	if err := json.Unmarshal([]byte(document), &claims); err != nil {
		return nil, err
	}
	compressed, err := base64.RawURLEncoding.DecodeString(claims.List.Lst)
	if err != nil {
		return nil, err
	}
	z, err := zlib.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	packed, err := io.ReadAll(z)
	if err != nil || len(packed) > most {
		return nil, fmt.Errorf("%d bytes, %w", len(packed), err)
	}
	var statuses []byte
	var status byte
	for bit := range len(packed) * 8 {
		at := bit % claims.List.Bits
		if packed[bit/8]&(1<<(bit%8)) != 0 {
			status |= 1 << at
		}
		if at == claims.List.Bits-1 {
			statuses, status = append(statuses, status), 0
		}
	}
	return statuses, nil
}

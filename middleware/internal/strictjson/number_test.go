package strictjson_test

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

func TestParseRefusesBrokenNumbers(t *testing.T) {
	for _, raw := range []string{
		"+1", "01", "-01", "00", "-", "--1", ".5", "-.5", "1.", "1.e1", "1e", "1e+", "1E-", "1e1.5", "1.2.3", "1e1e1",
		"0x10", "1_000", "1,5", "1a", "١", "- 1", "1 000", "-Infinity", "1\x00", "0e", "1e٣",
	} {
		if _, err := strictjson.Parse(`{"exp":` + raw + `}`); !errors.Is(err, strictjson.ErrSyntax) {
			t.Errorf("%s: %v, want %v", raw, err, strictjson.ErrSyntax)
		}
		if _, err := strictjson.Parse(`{"exp":` + raw); !errors.Is(err, strictjson.ErrSyntax) {
			t.Errorf("%s at the document's end: %v, want %v", raw, err, strictjson.ErrSyntax)
		}
	}
}

func TestParseAcceptsEveryFormOfNumber(t *testing.T) {
	for _, raw := range []string{
		"0", "-0", "1", "-1", "10", "1234567890", "0.0", "0.05", "1.50", "-1.5", "0e0", "1e1", "1E1", "1e+1", "1e-1", "1e01",
		"1.5e10", "-0.5E-07", "1e400", strings.Repeat("9", 400), "0." + strings.Repeat("0", 400) + "1",
	} {
		if got := member(t, raw).Kind(); got != strictjson.Number {
			t.Errorf("%s: kind %d, want a number", raw, got)
		}
	}
}

func TestNumericDate(t *testing.T) {
	rows := []struct {
		about string
		raw   string
		want  string
	}{
		{"an integer", "1763800521", "2025-11-22T08:35:21Z"},
		{"the epoch", "0", "1970-01-01T00:00:00Z"},
		{"the epoch from below", "-0", "1970-01-01T00:00:00Z"},
		{"zero in any form", "-0.000e+99999999999999999999", "1970-01-01T00:00:00Z"},
		{"an exponent", "1.7e9", "2023-11-14T22:13:20Z"},
		{"a capital exponent with a sign", "1.7E+9", "2023-11-14T22:13:20Z"},
		{"an exponent with leading zeros", "17e008", "2023-11-14T22:13:20Z"},
		{"a negative exponent", "17000000000000e-4", "2023-11-14T22:13:20Z"},
		{"a leading zero that an exponent moves", "0.0017e12", "2023-11-14T22:13:20Z"},
		{"a fraction", "1763800521.25", "2025-11-22T08:35:21.25Z"},
		{"a fraction that an exponent makes", "176380052125e-2", "2025-11-22T08:35:21.25Z"},
		{"a nanosecond that a float64 cannot hold", "1763800521.000000001", "2025-11-22T08:35:21.000000001Z"},
		{"what is finer than a nanosecond is dropped, not rounded", "1763800520.9999999999", "2025-11-22T08:35:20.999999999Z"},
		{"what is much finer, too", "1763800521.0000000009" + strings.Repeat("9", 400), "2025-11-22T08:35:21Z"},
		{"next to nothing", "1e-99999999999999999999", "1970-01-01T00:00:00Z"},
		{"next to nothing in two digits, which an exponent could wrap round", "0.1e-99999999999999999999", "1970-01-01T00:00:00Z"},
		{"before the epoch", "-1", "1969-12-31T23:59:59Z"},
		{"a fraction before the epoch", "-1.25", "1969-12-31T23:59:58.75Z"},
		{"what is dropped before the epoch is dropped towards it", "-0.0000000009", "1970-01-01T00:00:00Z"},
		{"the last second of year 9999", "253402300799", "9999-12-31T23:59:59Z"},
		{"the last nanosecond of year 9999", "253402300799.9999999999", "9999-12-31T23:59:59.999999999Z"},
		{"the first nanosecond of year 1", "-62135596799.999999999", "0001-01-01T00:00:00.000000001Z"},
	}
	for _, row := range rows {
		t.Run(row.about, func(t *testing.T) {
			got, err := member(t, row.raw).NumericDate()
			if err != nil || got.Format(time.RFC3339Nano) != row.want {
				t.Errorf("NumericDate of %.40s = %s, %v; want %s", row.raw, got.Format(time.RFC3339Nano), err, row.want)
			}
		})
	}
}

func TestNumericDateRefuses(t *testing.T) {
	const (
		kind   = "strictjson: no NumericDate: want a JSON number of seconds"
		extent = "strictjson: no NumericDate: want a date in the years 1 to 9999"
	)
	rows := []struct{ attack, raw, message string }{
		{"digits in a string", `"1763800521"`, kind},
		{"a date in a string", `"2025-11-22T08:35:21Z"`, kind},
		{"null for never", `null`, kind},
		{"true", `true`, kind},
		{"a number in an array", `[1763800521]`, kind},
		{"a number in an object", `{"exp":1763800521}`, kind},
		{"the year 10000", `253402300800`, extent},
		{"the year 10000 with an exponent", `2.534023008e11`, extent},
		{"milliseconds", `1763800521000`, extent},
		{"the largest int64", `9223372036854775807`, extent},
		{"what wraps round to a good date in 64 bits", `18446744075473352137`, extent},
		{"a float that wraps to the past", `1e300`, extent},
		{"a float out of range", `1e400`, extent},
		{"an exponent out of every range", `1e99999999999999999999`, extent},
		{"an exponent that wraps round with a digit more", `10e9223372036854775807`, extent},
		{"an exponent that is cut and wraps round with a digit more", `10e99999999999999999999`, extent},
		{"nine hundred digits", strings.Repeat("9", 900), extent},
		{"a small number made large", `0.0000000001e400`, extent},
		{"the zero time.Time, which reads as no date", `-62135596800`, extent},
		{"the zero time.Time and a little dropped", `-62135596800.0000000001`, extent},
		{"the year 0", `-62135596801`, extent},
		{"long before the year 1", `-1e300`, extent},
	}
	for _, row := range rows {
		t.Run(row.attack, func(t *testing.T) {
			got, err := member(t, row.raw).NumericDate()
			if !errors.Is(err, strictjson.ErrNumericDate) || err.Error() != row.message || !got.IsZero() {
				t.Errorf("NumericDate of %.40s = %v, %v; want %q", row.raw, got, err, row.message)
			}
		})
	}
	if _, err := (strictjson.Value{}).NumericDate(); !errors.Is(err, strictjson.ErrNumericDate) {
		t.Errorf("NumericDate of an absent value: %v", err)
	}
}

func TestNumericDateIsUTC(t *testing.T) {
	got, err := member(t, "1763800521").NumericDate()
	if err != nil || got.Location() != time.UTC {
		t.Errorf("NumericDate in %v, %v; want UTC", got.Location(), err)
	}
}

func BenchmarkNumericDate(b *testing.B) {
	v, err := strictjson.Parse(`{"exp":1763800521,"nbf":1763800521.123456,"iat":1.763800521e9}`)
	if err != nil {
		b.Fatal(err)
	}
	for name, number := range v.Members() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := number.NumericDate(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzNumericDate holds the reader against exact rational arithmetic.
func FuzzNumericDate(f *testing.F) {
	for _, seed := range []string{
		"1763800521", "-0", "1.7e9", "1763800521.000000001", "253402300799.9999999999", "253402300800", "-62135596800",
		"-62135596799.999999999", "1e400", "0.0000000001e400", "0e999", "1e-400", "17e008", "-1.25", "123456789012e-20", "9e300", "00", "1.",
	} {
		f.Add(seed)
	}
	second := big.NewRat(1e9, 1)
	first := new(big.Int).Mul(big.NewInt(-62135596800), big.NewInt(1e9))
	last := new(big.Int).Mul(big.NewInt(253402300800), big.NewInt(1e9))
	f.Fuzz(func(t *testing.T, text string) {
		object, err := strictjson.Parse(`{"n":` + text + `}`)
		v, _ := object.Member("n")
		if err != nil || v.Kind() != strictjson.Number || len(text) > 1000 {
			return
		}
		mantissa, exponent, _ := strings.Cut(strings.ToLower(v.Raw()), "e")
		power, err := strconv.Atoi(exponent)
		if exponent != "" && (err != nil || power < -5000 || power > 5000) {
			if power > 0 { // too large for the rational; 1000 digits cannot make up for it
				exponent = "5000"
			} else {
				exponent = "-5000"
			}
			mantissa += "e" + exponent
		} else {
			mantissa = v.Raw()
		}
		exact, ok := new(big.Rat).SetString(mantissa)
		if !ok {
			t.Fatalf("math/big cannot read %q", mantissa)
		}
		exact.Mul(exact, second)
		nanos := new(big.Int).Quo(exact.Num(), exact.Denom())

		got, err := v.NumericDate()
		if in := nanos.Cmp(first) > 0 && nanos.Cmp(last) < 0; in != (err == nil) {
			t.Fatalf("NumericDate of %s: %v, but in range: %t", v.Raw(), err, in)
		}
		if err != nil {
			return
		}
		seconds, rest := new(big.Int).QuoRem(nanos, big.NewInt(1e9), new(big.Int))
		if want := time.Unix(seconds.Int64(), rest.Int64()); !got.Equal(want) {
			t.Fatalf("NumericDate of %s = %v, want %v", v.Raw(), got, want)
		}
	})
}

package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// payload is a token's payload of the usual size and shape.
const payload = `{"iss":"https://login.example.com/realms/production","sub":"7f0c2a64-53c1-4f0e-9d5c-0b8f2f3b9a11",` +
	`"aud":["https://api.example.com","https://orders.example.com","account"],"exp":1763800521,"nbf":1763796921,` +
	`"iat":1763796921,"jti":"01JD8W6Q3Z5N7RZK2V9XH4T0BC","client_id":"web-frontend-7d1c","azp":"web-frontend-7d1c",` +
	`"scope":"openid profile email orders:read orders:write reports:read","roles":["admin","editor","viewer","billing:export","support:tier2"],` +
	`"acr":"urn:mace:incommon:iap:silver","amr":["pwd","otp","mfa"],"sid":"c1a4e6b2-8d7f-4b3a-9e21-5f6d7c8b9a00",` +
	`"tenant":{"id":"t-48151623421","name":"Example Trading Company Limited","plan":"enterprise-annual","region":"eu-central-1",` +
	`"flags":{"beta":true,"seats":2500}}}`

type claims struct {
	Issuer   string         `json:"iss"`
	Subject  string         `json:"sub"`
	Audience []string       `json:"aud"`
	Expires  int64          `json:"exp"`
	Before   int64          `json:"nbf"`
	Issued   int64          `json:"iat"`
	ID       string         `json:"jti"`
	Client   string         `json:"client_id"`
	Azp      string         `json:"azp"`
	Scope    string         `json:"scope"`
	Roles    []string       `json:"roles"`
	ACR      string         `json:"acr"`
	AMR      []string       `json:"amr"`
	Session  string         `json:"sid"`
	Tenant   map[string]any `json:"tenant"`
}

// hostile are documents of about 16 KiB, each of which is costly for a careless reader.
var hostile = map[string]string{
	"many members":       members(2000),
	"deep":               deep(16 << 10),
	"long plain string":  `{"a":"` + strings.Repeat("x", 16<<10) + `"}`,
	"long other string":  `{"a":"` + strings.Repeat("é", 8<<10) + `"}`,
	"escapes":            `{"a":"` + strings.Repeat(`\ud83d\ude00`, 16<<10/12) + `"}`,
	"long name":          `{"` + strings.Repeat("k", 16<<10) + `":1}`,
	"many small objects": `{"a":[` + strings.TrimSuffix(strings.Repeat(`{"a":1},`, 2<<10), ",") + `]}`,
	"escaped names":      `{"a":[` + strings.TrimSuffix(strings.Repeat(`{"\u0061":1},`, 16<<10/13), ",") + `]}`,
}

func members(count int) string {
	var b strings.Builder
	for i := range count {
		b.WriteString(`,"`)
		b.WriteByte(byte('a' + i%26))
		b.WriteByte(byte('a' + i/26%26))
		b.WriteByte(byte('a' + i/676))
		b.WriteString(`":1`)
	}
	return "{" + b.String()[1:] + "}"
}

// deep fills size bytes with objects that are open as deep as is allowed, all with one name.
func deep(size int) string {
	nest := strings.Repeat(`{"a":`, 62) + "1" + strings.Repeat("}", 62)
	return `{"a":[` + strings.TrimSuffix(strings.Repeat(nest+",", size/len(nest)), ",") + `]}`
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := strictjson.Parse(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWalk(b *testing.B) {
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := strictjson.Walk(payload, func(name string, v strictjson.Value) error {
			n += len(name)
			return nil
		})
		if err != nil || n == 0 {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	document := []byte(payload)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		var c claims
		if err := json.Unmarshal(document, &c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValid(b *testing.B) {
	document := []byte(payload)
	b.SetBytes(int64(len(payload)))
	for b.Loop() {
		json.Valid(document)
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, document := range hostile {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(document)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := strictjson.Parse(document); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package configs_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// spelled is a Config as a file may spell it.
type spelled struct {
	Mode     middleware.JWTMode
	Profile  middleware.Profile
	Encoding middleware.CertificateEncoding
}

// What prints, logs and parses is the name of the constant.
func TestEnumsHaveATextForm(t *testing.T) {
	for value, name := range map[interface {
		fmt.Stringer
		MarshalText() ([]byte, error)
	}]string{
		middleware.VerifyJWTs:              "VerifyJWTs",
		middleware.VerifyAndIntrospectJWTs: "VerifyAndIntrospectJWTs",
		middleware.IntrospectJWTs:          "IntrospectJWTs",
		middleware.AnyAccessToken:          "AnyAccessToken",
		middleware.RFC9068:                 "RFC9068",
		middleware.IDToken:                 "IDToken",
		middleware.ClientCertField:         "ClientCertField",
		middleware.ForwardedClientCert:     "ForwardedClientCert",
		middleware.EscapedPEM:              "EscapedPEM",
		middleware.Base64DER:               "Base64DER",
		middleware.HexThumbprint:           "HexThumbprint",
	} {
		text, err := value.MarshalText()
		if string(text) != name || err != nil || value.String() != name || fmt.Sprintf("%v", value) != name {
			t.Errorf("%s is written %q, printed %q: %v", name, text, value, err)
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("", "is", value)
		if !strings.Contains(log.String(), " is="+name) {
			t.Errorf("%s is logged as %s", name, log.String())
		}
	}
	want := spelled{middleware.IntrospectJWTs, middleware.RFC9068, middleware.EscapedPEM}
	text, err := json.Marshal(want)
	if string(text) != `{"Mode":"IntrospectJWTs","Profile":"RFC9068","Encoding":"EscapedPEM"}` || err != nil {
		t.Fatalf("JSON is %s, %v", text, err)
	}
	var read spelled
	if err := json.Unmarshal(text, &read); err != nil || read != want {
		t.Errorf("read %+v, %v", read, err)
	}
}

// A slip of the pen must not become the zero value, which means something.
func TestTextThatIsNoEnum(t *testing.T) {
	for text, want := range map[string]string{
		`{"Mode":""}`:                     `middleware: "" is no JWTMode: use VerifyJWTs, VerifyAndIntrospectJWTs, IntrospectJWTs`,
		`{"Mode":"introspectjwts"}`:       `middleware: "introspectjwts" is no JWTMode: use VerifyJWTs, VerifyAndIntrospectJWTs, IntrospectJWTs`,
		`{"Profile":"rfc9068"}`:           `middleware: "rfc9068" is no Profile: use AnyAccessToken, RFC9068, IDToken`,
		`{"Encoding":" EscapedPEM"}`:      `middleware: " EscapedPEM" is no CertificateEncoding: use ClientCertField, ForwardedClientCert, EscapedPEM, Base64DER, HexThumbprint`,
		`{"Encoding":"EscapedPEM\u0000"}`: `middleware: "EscapedPEM\x00" is no CertificateEncoding: use ClientCertField, ForwardedClientCert, EscapedPEM, Base64DER, HexThumbprint`,
	} {
		read := spelled{middleware.IntrospectJWTs, middleware.IDToken, middleware.HexThumbprint}
		if err := json.Unmarshal([]byte(text), &read); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		if (read != spelled{middleware.IntrospectJWTs, middleware.IDToken, middleware.HexThumbprint}) {
			t.Errorf("%s: it was changed to %+v", text, read)
		}
	}
	for value, want := range map[fmt.Stringer]string{
		middleware.JWTMode(7): "JWTMode(7)", middleware.Profile(-1): "Profile(-1)", middleware.CertificateEncoding(99): "CertificateEncoding(99)",
	} {
		if value.String() != want {
			t.Errorf("%s is printed %s", want, value)
		}
		if _, err := json.Marshal(value); err == nil || !strings.Contains(err.Error(), "middleware: "+want+" has no name: use ") {
			t.Errorf("%s is written: %v", want, err)
		}
	}
}

package exactjson_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

type (
	address struct {
		City string `json:"city,omitempty"`
		Note any    `json:"note"`
	}
	person struct {
		Name   string             `json:"name"`
		Home   address            `json:"home"`
		Second *address           `json:"second"`
		Others []address          `json:"others"`
		Pair   [2]address         `json:"pair"`
		ByName map[string]address `json:"by_name"`
		Anyhow any                `json:"anyhow"`
		Raw    json.RawMessage    `json:"raw"`
		Big    int64              `json:"big,string"`
		Hidden string             `json:"-"`
		//lint:ignore SA5008 what such a tag means is tested
		Dash    string `json:"-,"`
		Tagless string
		Private string
		private string
		Plain   address
		List    []any  `json:"list"`
		X5t     string `json:"x5t#S256"`
		//lint:ignore SA5008 what such a tag means is tested
		Odd     string           `json:"od'd"` // not a name that encoding/json takes
		Own     OwnWay           `json:"own"`
		OwnToo  *OwnWay          `json:"own_too"`
		Unnamed struct{ OwnWay } `json:"unnamed"`
		Text
	}
	Text string
	// Base is embedded below, and so are others.
	Base struct {
		Tenant string `json:"tenant"`
		Level  int    `json:"level"`
	}
	lower struct {
		Region string `json:"region"`
	}
	// TwinA and TwinB take the field Tenant from one another.
	TwinA struct{ Tenant string }
	TwinB struct{ Tenant string }

	outer struct {
		Base
		*lower

		Level int `json:"level"` // hides that of Base
	}
	ambiguous struct {
		TwinA
		TwinB

		TENANT string // for which encoding/json would take Tenant then
	}
	Tagged struct {
		Name string `json:"Tenant"`
	}
	preferred struct {
		TwinA
		Tagged
	}
	named struct {
		Base `json:"base"`
	}
	recursive struct {
		Value string     `json:"value"`
		Next  *recursive `json:"next"`
	}
	// OwnWay decides for itself, and reads in any case.
	OwnWay struct {
		City string `json:"city"`
	}
)

func (o *OwnWay) UnmarshalJSON(text []byte) error {
	type plain OwnWay
	return json.Unmarshal(text, (*plain)(o))
}

func fresh[T any]() any { return new(T) }

func TestClaimsAreDecodedByExactNames(t *testing.T) {
	for name, row := range map[string]struct {
		text string
		into func() any
		want any
	}{
		"exact names": {
			`"name":"a","home":{"city":"b","note":{"x":1}}`, fresh[person],
			&person{Name: "a", Home: address{"b", map[string]any{"x": 1.0}}},
		},
		"other cases":           {`"Name":"a","HOME":{"city":"b"},"tagless":"c","Dash":"d"`, fresh[person], &person{}},
		"by Unicode folding":    {`"otherſ":[{"city":"b"}],"by_name\u017f":1`, fresh[person], &person{}},
		"a name with escapes":   {`"n\u0061me":"a","\u0048ome":{"city":"b"}`, fresh[person], &person{Name: "a"}},
		"a tag that says minus": {`"-":"a","hidden":"b"`, fresh[person], &person{Dash: "a"}},
		"a field without a tag": {`"Tagless":"a","private":"b"`, fresh[person], &person{Tagless: "a"}},
		"a number in a string":  {`"big":"12"`, fresh[person], &person{Big: 12}},
		"inside a struct":       {`"home":{"City":"b","NOTE":1}`, fresh[person], &person{}},
		"behind a pointer":      {`"second":{"City":"b","note":1}`, fresh[person], &person{Second: &address{Note: 1.0}}},
		"inside a slice":        {`"others":[{"City":"b"},{"city":"c"},null,{}]`, fresh[person], &person{Others: []address{{}, {City: "c"}, {}, {}}}},
		"inside an array":       {`"pair":[{"city":"b","CITY2":1},{"City":"c"},{"city":"too many"}]`, fresh[person], &person{Pair: [2]address{{City: "b"}}}},
		"inside a map, names as data": {
			`"by_name":{"Home":{"City":"b"},"home2":{"city":"c"}}`, fresh[person],
			&person{ByName: map[string]address{"Home": {}, "home2": {City: "c"}}},
		},
		"inside any": {
			`"anyhow":{"City":"b","city2":{"City":"c"}}`, fresh[person],
			&person{Anyhow: map[string]any{"City": "b", "city2": map[string]any{"City": "c"}}},
		},
		"a raw member":             {`"raw":{"City" : "b"}`, fresh[person], &person{Raw: json.RawMessage(`{"City" : "b"}`)}},
		"a pointer that any holds": {`"anyhow":{"City":"b","note":1}`, func() any { return &person{Anyhow: &address{}} }, &person{Anyhow: &address{Note: 1.0}}},
		"a nil pointer that any holds": {`"anyhow":{"City":"b"}`, func() any { return &person{Anyhow: (*address)(nil)} },
			&person{Anyhow: map[string]any{"City": "b"}}},
		"embedded": {
			`"tenant":"a","Tenant2":1,"level":2,"LEVEL3":3,"region":"r"`, func() any { return &outer{lower: &lower{}} },
			&outer{Base: Base{Tenant: "a"}, Level: 2, lower: &lower{Region: "r"}},
		},
		"embedded, in another case":   {`"Tenant":"a","Level":2,"Base":{"tenant":"b"}`, fresh[outer], &outer{}},
		"embedded twice":              {`"Tenant":"a"`, fresh[ambiguous], &ambiguous{}},
		"embedded twice, and a third": {`"TENANT":"a"`, fresh[ambiguous], &ambiguous{TENANT: "a"}},
		"embedded under a name":       {`"base":{"tenant":"a","Level":1},"level":2`, fresh[named], &named{Base{Tenant: "a"}}},
		"a type in itself": {
			`"value":"a","next":{"Value":"b","next":{"value":"c","NEXT":{}}}`, fresh[recursive],
			&recursive{"a", &recursive{"", &recursive{"c", nil}}},
		},
		"a type with an UnmarshalJSON": {`"City":"b"`, fresh[OwnWay], &OwnWay{"b"}},
		"a map":                        {`"City":"b"`, fresh[map[string]any], &map[string]any{"active": true, "City": "b"}},
		"such a type inside a struct":  {`"own":{"City":"b"},"own_too":{"CITY":"c"},"OWN2":1`, fresh[person], &person{Own: OwnWay{"b"}, OwnToo: &OwnWay{"c"}}},
		"the method of a part of a type without a name, which encoding/json does not call": {`"unnamed":{"City":"b"}`, fresh[person], &person{}},
		"an unexported field beside its twin":                                              {`"private":"a"`, fresh[person], &person{private: ""}},
		"a struct without a tag": {
			`"Plain":{"City":"b","note":1},"city":"c"`, fresh[person], &person{Plain: address{Note: 1.0}},
		},
		"an embedded string":    {`"Text":"a","text2":"b"`, fresh[person], &person{Text: "a"}},
		"a tag with a sign":     {`"x5t#S256":"a","X5T":"b"`, fresh[person], &person{X5t: "a"}},
		"a tag that is no name": {`"Odd":"a","od'd":"b"`, fresh[person], &person{Odd: "a"}},
		"a pointer that a slice holds": {
			`"list":[{"City":"b","note":1},{"City":"c"}]`, func() any { return &person{List: []any{&address{}}} },
			&person{List: []any{&address{Note: 1.0}, map[string]any{"City": "c"}}},
		},
		"empty maps and lists, and what follows": {
			`"by_name":{},"others":[],"list":[ ],"home":{ },"second":{"City":"b"},"Name":"c"`, fresh[person],
			&person{ByName: map[string]address{}, Others: []address{}, List: []any{}, Second: &address{}},
		},
		"numbers and words, and what follows": {
			`"x":-1.5e3 ,"y":true ,"z":[1 ,null ],"anyhow":1 ,"home":{"City":"b"},"Name":"c"`, fresh[person], &person{Anyhow: 1.0},
		},
		"embedded twice, once with a tag": {`"Tenant":"a"`, fresh[preferred], &preferred{Tagged: Tagged{"a"}}},
		"a map of structs and a null":     {`"a":null`, fresh[map[string]*Base], nil},
		"strings that look like members":  {`"note":"\\\"},\"City\":\"b","name":"}]\\"`, fresh[person], &person{Name: `}]\`}},
		"only foreign members last":       {`"name":"a","x":{"y":[1,"]}",{}]},"Z":-1.5e3`, fresh[person], &person{Name: "a"}},
		"null where a struct, a map and a list are": {
			`"home":null,"Name":1,"by_name":null,"NAME2":1,"others":null,"Name3":1,"plain":{},"second":{"City":"b","note":1}`,
			func() any { return &person{Home: address{City: "stays"}} },
			&person{Home: address{City: "stays"}, Second: &address{Note: 1.0}},
		},
		"an array where a struct is": {`"home":["City"]`, fresh[person], nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, space := range []string{"", " ", "\r\n\t"} {
				text := "{" + space + `"active":true,` + space + row.text + space + "}"
				response, err := introspection.ParseResponse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				got := row.into()
				err = response.Claims(got)
				if (err == nil) != (row.want != nil) || err == nil && !reflect.DeepEqual(got, row.want) {
					t.Errorf("%s\ngot  %+v (%v)\nwant %+v", text, got, err, row.want)
				}
				var raw json.RawMessage
				if response.Claims(&raw) != nil || string(raw) != text {
					t.Errorf("the answer was changed into %s", raw)
				}
			}
		})
	}
}

func TestClaimsIntoAnInterfaceThatLeadsBackToItself(t *testing.T) {
	response, err := introspection.ParseResponse([]byte(`{"active":true}`))
	if err != nil {
		t.Fatal(err)
	}
	var loop any
	loop = &loop
	if err := response.Claims(&loop); err != nil {
		t.Error(err)
	}
}

// What Claims costs beside json.Unmarshal is no allocation.
func TestClaimsAllocateWhatDecodingDoes(t *testing.T) {
	const text = `{"active":true,"name":"a","home":{"city":"b","x":[1,2,{"y":"z"}]},"others":[{"city":"c"},{"City":"d"}],"by_name":{"k":{"city":"e"}}}`
	response, err := introspection.ParseResponse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	allocations := func(decode func(v any) error) float64 {
		return testing.AllocsPerRun(100, func() {
			if err := decode(new(person)); err != nil {
				t.Fatal(err)
			}
		})
	}
	claims := allocations(response.Claims)
	plain := allocations(func(v any) error { return json.Unmarshal([]byte(strings.Clone(text)), v) }) - 1 // the clone
	if claims > plain {
		t.Errorf("%v allocations, json.Unmarshal has %v", claims, plain)
	}
}

// The independent reading takes the document apart by exact names, puts it together without what names no field, and decodes that.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{
		`{"active":true,"value":"a","Value2":1,"next":{"value":"b","NEXT":{"value":"c"}}}`, `{"active":true,"next":{"next":{"next":[]}}}`,
		`{"active":true,"v\u0061lue":"\"}","list":[{"value":"a","LIST2":[]},null,3],"map":{"A":{"VALUE":""},"b":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		response, err := introspection.ParseResponse(body)
		if err != nil || !response.Active() {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		var document any
		if err := decoder.Decode(&document); err != nil {
			t.Fatal(err)
		}
		exact, err := json.Marshal(onlyNodes(document))
		if err != nil {
			t.Fatal(err)
		}
		var got, want node
		gotErr, wantErr := response.Claims(&got), json.Unmarshal(exact, &want)
		if (gotErr == nil) != (wantErr == nil) || gotErr == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ngot  %+v (%v)\nwant %+v (%v)", body, got, gotErr, want, wantErr)
		}
	})
}

type node struct {
	Value any             `json:"value"`
	Next  *node           `json:"next"`
	List  []node          `json:"list"`
	Map   map[string]node `json:"map"`
	Time  time.Time       `json:"time"`
}

func onlyNodes(document any) any {
	members, isObject := document.(map[string]any)
	if !isObject {
		return document
	}
	kept := make(map[string]any)
	for name, value := range members {
		switch name {
		case "value", "time":
			kept[name] = value
		case "next":
			kept[name] = onlyNodes(value)
		case "list":
			if list, isList := value.([]any); isList {
				for i := range list {
					list[i] = onlyNodes(list[i])
				}
			}
			kept[name] = value
		case "map":
			if nodes, isMap := value.(map[string]any); isMap {
				for key := range nodes {
					nodes[key] = onlyNodes(nodes[key])
				}
			}
			kept[name] = value
		}
	}
	return kept
}

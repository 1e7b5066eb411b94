package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The same failure has another status or other words in each generation.
func TestAFailureInTheWordsOfEachProfile(t *testing.T) {
	for _, row := range []struct {
		failure *Failure
		profile Profile
		status  int
		body    string
	}{
		{NotFound("no %s", "thing"), Y2024, 404, `{"statusCode":404,"message":"no thing","error":"NotFound"}`},
		{NotFound("no %s", "thing"), July2024, 400, `{"statusCode":400,"message":"no thing","error":"BadRequest"}`},
		{NotFound("folder not found"), July2024, 404, `{"statusCode":404,"message":"folder not found","error":"NotFound"}`},
		{Unauthorized("Token missing"), Y2024, 401, `{"statusCode":401,"message":"Token missing","error":"UnauthorizedError"}`},
		{Unauthorized("Token missing"), July2024, 403, `{"statusCode":403,"message":"Token missing","error":"Unauthorized access"}`},
		{TokenError("Your token has expired."), July2024, 500, `{"statusCode":500,"message":"jwt expired","error":"Internal Server Error"}`},
		{Broken("Find one"), Y2024, 500, `{"statusCode":500,"message":"Something went wrong","error":"Find one"}`},
	} {
		a := FailureAnswer(row.profile, row.failure)
		require.Equal(t, row.status, a.Status, row.body)
		require.Equal(t, row.body, string(a.body))
	}
	require.Regexp(t, `^{"reqId":"req-[0-9a-f]{14}","statusCode":400,`, string(FailureAnswer(Current, BadRequest("x")).body))
}

func TestTheWordsOfTheBackendInGo(t *testing.T) {
	f := BodyForm(Current, map[string]any{"slug": 1.0})
	f.Str("slug")
	g := AsGo(f.Failure())
	require.Equal(t, 400, g.Status)
	require.Equal(t, []fieldError{{"slug", "Expected string, received number"}}, g.fields)
	denied := &Failure{Status: 403, Name: "ForbiddenError", Message: "x", Details: []string{"secret"}}
	require.Equal(t, "Permission denied for secret reference expansion", AsGo(denied).Message)
	require.Nil(t, AsGo(denied).Details)
	require.NotNil(t, denied.Details, "the failure itself stays")
}

func TestAFormCollectsAllComplaints(t *testing.T) {
	for _, row := range []struct {
		name string
		body any
		read func(*Form)
		want []string // the messages
	}{
		{"nothing wrong", map[string]any{"a": "x"}, func(f *Form) { f.Str("a"); f.StrOr("b", "y") }, nil},
		{"no object", "text", func(f *Form) { f.Str("a") }, []string{"Expected object, received string"}},
		{"missing and null", map[string]any{"b": nil}, func(f *Form) { f.Str("a"); f.Str("b") }, []string{"Required", "Expected string, received null"}},
		{"too short", map[string]any{"a": ""}, func(f *Form) { f.NonEmpty("a") }, []string{"String must contain at least 1 character(s)"}},
		{"not one of", map[string]any{"a": "z"}, func(f *Form) { f.OneOf("a", "x", "x", "y") }, []string{"Invalid enum value. Expected 'x' | 'y', received 'z'"}},
		{"no boolean", map[string]any{"a": "true"}, func(f *Form) { f.Boolean("a", false) }, []string{"Expected boolean, received string"}},
		{"list of other things", map[string]any{"a": []any{"x", 1.0}}, func(f *Form) { f.Strings("a") }, []string{"Expected string, received number"}},
		{"too few", map[string]any{"a": []any{}}, func(f *Form) { f.Objects("a", 1) }, []string{"Array must contain at least 1 element(s)"}},
		{"inside", map[string]any{"a": map[string]any{}}, func(f *Form) { f.Object("a").Str("b") }, []string{"Required"}},
	} {
		f := BodyForm(Current, row.body)
		row.read(f)
		var got []string
		for _, i := range *f.issues {
			got = append(got, i.Message)
		}
		require.Equal(t, row.want, got, row.name)
		require.Equal(t, row.want != nil, f.Failure() != nil, row.name)
	}
	f := BodyForm(Y2024, nil)
	require.ErrorContains(t, f.Failure(), "401 ValidationFailure")
}

func TestAQueryIsAForm(t *testing.T) {
	f := QueryForm(Current, url.Values{"on": {"true"}, "list": {"a", "b"}})
	require.True(t, f.Flag("on", false))
	require.True(t, f.Flag("missing", true))
	require.Equal(t, []string{"a", "b"}, f.Strings("list"))
	require.Nil(t, f.Failure())
}

func TestAnETagThatTheClientHasIsNotSentAgain(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	first := JSON(200, "x")
	first.Tag(r)
	r.Header.Set("If-None-Match", first.Header.Get("Etag"))
	second := JSON(200, "x")
	second.Tag(r)
	require.Equal(t, http.StatusNotModified, second.Status)
	w := httptest.NewRecorder()
	second.Send(w, r, 0)
	require.Empty(t, w.Body.String())
}

// A server of 2024 has a window for each route, a current one for each class.
func TestWindowsOfTheLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for profile, shared := range map[Profile]bool{Current: true, Y2024: false} {
			l := NewLimiter(RateLimit{Read: 1}, profile)
			r := httptest.NewRequest("GET", "/", nil)
			take := func(class Class, pattern string) bool {
				_, refused := l.Take(r, class, pattern)
				return refused == nil
			}
			require.True(t, take(ReadClass, "/a"))
			require.False(t, take(ReadClass, "/a"))
			require.Equal(t, !shared, take(ReadClass, "/b"), profile)
			require.True(t, take(WriteClass, "/c"), "zero limits nothing")
			time.Sleep(time.Minute)
			require.True(t, take(ReadClass, "/a"))
		}
	})
}

func TestTheLogForgetsTheOlderHalf(t *testing.T) {
	var l RequestLog
	r := httptest.NewRequest("GET", "/x?a=b", nil)
	e := l.Arrived(r)
	l.Routed(e, "/:name")
	l.Identified(e, "viewer")
	l.Answered(e, 200)
	require.Equal(t, []Request{{"GET", "/x", url.Values{"a": {"b"}}, "/:name", 200, "viewer"}}, l.All())
	for range maxLog {
		l.Arrived(r)
	}
	require.Len(t, l.All(), maxLog/2+1)
	l.Reset()
	require.Empty(t, l.All())
}

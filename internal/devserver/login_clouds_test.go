package devserver

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// The signatures of these requests were made by the clouds' own modules, of the versions
// that the tests of internal/credential/internal name, at this time.
var signedAt = time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)

const (
	cloudKey = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzxegGhHDJSSrO9gFeBy5
FWUYdENSzzBr4MJa0ymAMugOHCUlR/WbzCwyfDXgYA6LsnlOX/pAuN/bAvu2azu4
kH3KyS0Bz0MSJxJwEp1slRueqnDKjUvp6lv/NwRVwnyHeqOyLaktSCDzZ+BlhzdY
YJQ3Qt7LH8MTTT0/ycRRo85iKDoNJc6uEk4VQ0T6Uv1bbNZZBcbCOYOvQrGrme1i
swiKmgH39W1+lGwJnGlXv3fTi3tiMxmPJnXJGzvkpmXTLw2IAt81+vzLmjU1JnYS
8RdJauj5fCS4Q46+208PSgD+q0vye3XS2ATR7F0gm1msjAZv1XghnZyHty4wZ5cv
SQIDAQAB
-----END PUBLIC KEY-----
`
	awsSignature      = "e640ad792cb0fb5f8d8ef54ddeacbbe985a642c359e8ea59eeeb4d82361928be"
	awsSessionSigned  = "e202950187a2db6cefb07ae789f8b6fbdcb91b3cb96762d01aba94ceb58ef987"
	alicloudSignature = "n9bQczmRYlvLWmBoRS0xLKhEFpI="
	ociSignature      = "s85LtHpHbgH3vXhRUWCF2KgRsrdQc4zSq7YQ8GJdqBON6qRFoOzHW2acMXfTX8XLdW0Aswobz3v7IrnR60MQU2cv7Y+r85xUTo49Ms1WxTA6XkNA+Yxtgb3UaXpieSFOFLIIAJFBfOoFAHDFuWUzoPwPyiFObs+S3Yizgl7QJo+Tmrfp9ib286fccvMNsiMmJCDgZZ/6cUv0g7KItXgA5gfrCgfVcc3c4ScrQLoKvniCrCTfAODc0L7cq63YI5LrkX1fzjy9gZWq7r1x4Qlc5x771tvbQ1feWyuIcYckPz+adV51I48/go8gdLpiCLwuCO1h2fvi+v3LO8d6VCXQ0w=="
	gcpToken          = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImtleS0xIn0.eyJpc3MiOiJyb2JvdEBwcm9qZWN0LmlhbS5nc2VydmljZWFjY291bnQuY29tIiwiYXVkIjoiaWRlbnRpdHkiLCJleHAiOjE3OTU3NDkwMDAsImlhdCI6MTc5NTc0ODQwMCwic3ViIjoicm9ib3RAcHJvamVjdC5pYW0uZ3NlcnZpY2VhY2NvdW50LmNvbSJ9.KT4Gxk8X9kru_jhEdlCmUGlac3XiBNrbx90sNm4EK0LEcb7KAStOSSZwU7-FLiVaCXnC-aPnnDRT6fhWE7MzWOU4ZNBDdZNlML9Kft7C4DwNYZg9fV80ZSCPxScD5gsPAHhmf7jYZKh7vZzeuiQFQGS1sYmKILCaVqy20qP1W81fa08Am6GJnH9yD5As6wWqFdddywVHKLt6sipPcyKvkrVLClNUs8HpUrPz1gq85FfgqyLLGU40qM0rCPt7JQZ1soZ_ywGl7XDeXhZRm7a69sROkJwAtk4p2wNs9-QreMFjocgRglTDBUIDwSRBQ65DCCOQ3hZjDOx7229KO6YORw"
)

func awsBody(id string, change func(headers object)) object {
	const names = "content-length;host;x-amz-date"
	headers := object{
		"Host": "sts.eu-central-1.amazonaws.com", "X-Amz-Date": "20261127T030000Z", "Content-Length": "43", "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/eu-central-1/sts/aws4_request, SignedHeaders=" + names + ", Signature=" + awsSignature,
	}
	if change != nil {
		change(headers)
	}
	return object{
		"identityId": id, "iamHttpRequestMethod": "POST",
		"iamRequestBody":    base64.StdEncoding.EncodeToString([]byte("Action=GetCallerIdentity&Version=2011-06-15")),
		"iamRequestHeaders": base64.StdEncoding.EncodeToString(mustJSON(headers)),
	}
}

func withSession(headers object) {
	headers["X-Amz-Security-Token"] = "sess/tok=="
	headers["Authorization"] = strings.NewReplacer("x-amz-date,", "x-amz-date;x-amz-security-token,", awsSignature, awsSessionSigned).Replace(headers["Authorization"].(string))
}

func alicloudBody(id string) object {
	return object{
		"identityId": id, "Action": "GetCallerIdentity", "Format": "JSON", "Version": "2015-04-01", "AccessKeyId": "LTAIthrow", "SignatureMethod": "HMAC-SHA1",
		"SignatureVersion": "1.0", "SignatureNonce": "n-1_x", "Timestamp": "2026-11-27T03:00:00Z", "Signature": alicloudSignature,
	}
}

func ociBody(id string) object {
	return object{"identityId": id, "userOcid": "ocid1.user.oc1..u", "headers": object{
		"date": "Fri, 27 Nov 2026 03:00:00 GMT", "host": "identity.eu-frankfurt-1.oraclecloud.com",
		"authorization": `Signature version="1",headers="date (request-target) host",keyId="ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa:bb",algorithm="rsa-sha256",signature="` + ociSignature + `"`,
	}}
}

// cloudTester is a server at the time of the signatures, with an identity for a method.
func cloudTester(t *testing.T, login Login) (c *tester, id string, try func(body object) reply) {
	time.Sleep(time.Until(signedAt))
	c = newTester(t, Config{}, "admin")
	id = c.s.Credentials("viewer").IdentityID
	c.edit(func(e *Editor) error { return e.SetLogin("viewer", login) })
	return c, id, func(body object) reply { return c.do("POST", "/api/v1/auth/"+login.Method+"/login", body) }
}

// refused is the error of what nobody foresaw.
const refused = "InternalServerError"

func TestSignaturesOfAWS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		login := Login{Method: "aws-auth", AccessKeys: map[string]string{"AKIDEXAMPLE": "throwaway"}, Principal: "arn:aws:iam::1:user/dev"}
		c, id, try := cloudTester(t, login)
		try(awsBody(id, nil)).is(200, "")
		require.Equal(t, "aws-auth", decodeClaims(t, try(awsBody(id, nil)).body["accessToken"].(string))["authMethod"])
		try(awsBody(id, withSession)).is(500, refused)
		for name, change := range map[string]func(object){
			"signature": func(h object) { h["Authorization"] = strings.ReplaceAll(h["Authorization"].(string), "28be", "28bf") },
			"key":       func(h object) { h["Authorization"] = strings.ReplaceAll(h["Authorization"].(string), "AKID", "AKIA") },
			"time":      func(h object) { h["X-Amz-Date"] = "20261127T030001Z" },
			"host":      func(h object) { h["Host"] = "sts.amazonaws.com" },
			"length":    func(h object) { h["Content-Length"] = "44" },
			"xml":       func(h object) { h["Accept"] = "text/xml" },
			"nothing": func(h object) {
				clear(h)
				h["authorization"] = "AWS4-HMAC-SHA256 Credential=A/20261127/eu-central-1/sts/aws4_request"
			},
		} {
			r := try(awsBody(id, change))
			require.Equal(t, 500, r.status, name)
			require.Equal(t, "Something went wrong", r.body["message"], name)
		}
		try(awsBody(id, func(h object) {
			h["Authorization"] = strings.ReplaceAll(h["Authorization"].(string), "eu-central-1", "evil.example/")
		})).is(400, "BadRequest")
		try(object{"identityId": id}).is(422, "ValidationFailure")
		try(awsBody("00000000-0000-0000-0000-000000000000", nil)).is(404, "NotFound")

		login.Allowed = []string{"arn:aws:iam::2:*"}
		c.edit(func(e *Editor) error { return e.SetLogin("viewer", login) })
		try(awsBody(id, nil)).is(401, "UnauthorizedError")
		login.Allowed = append(login.Allowed, "arn:aws:iam::1:*")
		login.AccessKeys["AKIDEXAMPLE"] = "throwaway sess/tok=="
		c.edit(func(e *Editor) error { return e.SetLogin("viewer", login) })
		try(awsBody(id, withSession)).is(200, "")
		try(awsBody(id, nil)).is(500, refused)
		time.Sleep(16 * time.Minute)
		try(awsBody(id, withSession)).is(500, refused)
	})
}

func TestSignaturesOfOracle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		login := Login{Method: "oci-auth", PublicKey: cloudKey, Principal: "ocid1.tenancy.oc1..t"}
		c, id, try := cloudTester(t, login)
		try(ociBody(id)).is(200, "")
		changed := func(name, value string) object {
			body := ociBody(id)
			body["headers"].(object)[name] = value
			return body
		}
		try(changed("date", "Fri, 27 Nov 2026 03:00:01 GMT")).is(500, refused)
		try(changed("host", "identity.us-ashburn-1.oraclecloud.com")).is(500, refused)
		try(changed("host", "evil.example")).is(400, "BadRequest")
		other := ociBody(id)
		other["userOcid"] = "ocid1.user.oc1..v"
		try(other).is(500, refused)
		delete(other["headers"].(object), "authorization")
		try(other).is(422, "ValidationFailure")

		login.Allowed = []string{"ocid1.user.oc1..v"}
		c.edit(func(e *Editor) error { return e.SetLogin("viewer", login) })
		try(ociBody(id)).is(401, "UnauthorizedError")
		time.Sleep(6 * time.Minute)
		try(ociBody(id)).is(500, refused)
	})
}

func TestSignaturesOfAlibaba(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		login := Login{Method: "alicloud-auth", AccessKeys: map[string]string{"LTAIthrow": "sec ret"}, Principal: "acs:ram::1:user/dev"}
		c, id, try := cloudTester(t, login)
		for name, value := range map[string]string{"Timestamp": "2026-11-27T03:00:01Z", "Format": "XML", "AccessKeyId": "LTAIother"} {
			body := alicloudBody(id)
			body[name] = value
			try(body).is(500, refused)
		}
		temporary := alicloudBody(id)
		temporary["AccessKeyId"] = "STS.x"
		try(temporary).is(422, "ValidationFailure")

		try(alicloudBody(id)).is(200, "")
		try(alicloudBody(id)).is(500, refused) // the nonce was used

		login.Allowed = []string{"acs:ram::1:user/other"}
		c.edit(func(e *Editor) error { return e.SetLogin("viewer", login) })
		try(alicloudBody(id)).is(401, "UnauthorizedError")
	})
}

func TestKeysOfServiceAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		login := Login{Method: "gcp-auth", PublicKey: cloudKey}
		c, id, try := cloudTester(t, login)
		// It was made for an audience that this identity is not.
		try(object{"identityId": id, "jwt": gcpToken}).is(401, "UnauthorizedError")
		try(object{"identityId": id, "jwt": gcpToken[:len(gcpToken)-6] + "AAAAAA"}).is(403, "TokenError")
		try(object{"identityId": id, "jwt": c.s.IssueJWT(object{"aud": id})}).is(403, "TokenError")
		c.s.mu.Lock()
		c.s.state.IdentityNamed("viewer").ID = "identity"
		c.s.mu.Unlock()
		try(object{"identityId": "identity", "jwt": gcpToken}).is(200, "")
		login.Allowed = []string{"other@project.iam.gserviceaccount.com"}
		c.edit(func(e *Editor) error { return e.SetLogin("viewer", login) })
		try(object{"identityId": "identity", "jwt": gcpToken}).is(401, "UnauthorizedError")
		time.Sleep(time.Hour)
		try(object{"identityId": "identity", "jwt": gcpToken}).is(403, "TokenError")
	})
}

func TestTokensOfClouds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			login  Login
			claims func(id string) object
			wrong  map[string]any // claims that are refused
			want   map[string]int
		}{
			{Login{Method: "gcp-auth", Allowed: []string{"a@b"}}, func(id string) object {
				return object{"iss": "https://accounts.google.com", "aud": id, "email": "a@b", "exp": time.Now().Add(time.Hour).Unix()}
			}, object{"iss": "https://evil.example", "aud": "x", "email": "c@d", "exp": 1}, map[string]int{"iss": 500, "aud": 401, "email": 401, "exp": 500}},
			{Login{Method: "azure-auth", Audiences: []string{"https://management.azure.com/"}, Issuer: "https://sts.windows.net/t/", Allowed: []string{"o"}}, func(string) object {
				return object{"iss": "https://sts.windows.net/t/", "aud": "https://management.azure.com", "oid": "o"}
			}, object{"iss": "https://sts.windows.net/u/", "aud": "x", "oid": "p", "exp": 1}, map[string]int{"iss": 401, "aud": 401, "oid": 401, "exp": 403}},
			{Login{Method: "spiffe-auth", Audiences: []string{"infisical"}, Subject: "spiffe://example.org/*"}, func(string) object {
				return object{"sub": "spiffe://example.org/shop/web", "aud": []string{"x", "infisical"}, "exp": time.Now().Add(time.Hour).Unix()}
			}, object{"sub": "spiffe://evil.example/shop", "aud": "x", "exp": 1}, map[string]int{"sub": 401, "aud": 401, "exp": 401}},
		} {
			c, id, try := cloudTester(t, test.login)
			try(object{"identityId": id, "jwt": c.s.IssueJWT(test.claims(id))}).is(200, "")
			try(object{"identityId": id, "jwt": "a.b.c"}).is(test.want["exp"], "")
			for name, value := range test.wrong {
				claims := maps.Clone(test.claims(id))
				claims[name] = value
				r := try(object{"identityId": id, "jwt": c.s.IssueJWT(claims)})
				require.Equal(t, test.want[name], r.status, "%s %s: %s", test.login.Method, name, r.text)
			}
			delete(test.wrong, "exp")
		}
	})
}

// Servers of 2024 have the older of these methods and no route for the others.
func TestOldServersLackMethods(t *testing.T) {
	for _, p := range []Profile{July2024, Y2024} {
		c := newTester(t, Config{Profile: p}, "admin")
		for method, there := range map[string]bool{"aws-auth": true, "gcp-auth": true, "azure-auth": true, "oci-auth": false, "alicloud-auth": false, "spiffe-auth": false} {
			r := c.do("POST", "/api/v1/auth/"+method+"/login", object{})
			require.Equal(t, there, r.status != 404, "%s %s: %s", p, method, r.text)
		}
	}
}

package store

import "strings"

// Sample returns the data that a server has when nobody says otherwise: one
// project, demo, with environments dev, staging and prod, and one secret of
// every kind that people meet. Nothing in it is a real credential.
func Sample() *Seed {
	return &Seed{Projects: []SeedProject{{
		Slug: "demo",
		Name: "Demo",
		Environments: []SeedEnvironment{
			{Slug: "dev", SeedContent: SeedContent{
				Secrets: []SeedSecret{
					{Name: "GREETING", Value: "hello, world"},
					{Name: "TLS_CERT", Value: sampleCertificate(), Comment: "not a real certificate"},
					{Name: "EMPTY", Value: ""},
					{Name: "UNICODE", Value: "naïve café, 日本語, 🔑"},
					{Name: "DB_USER", Value: "demo"},
					{Name: "DB_PASSWORD", Value: "not-a-real-password", Tags: []string{"database"}},
					{Name: "DB_HOST", Value: "db.example.invalid"},
					{Name: "DATABASE_URL", Value: "postgres://${DB_USER}:${DB_PASSWORD}@${DB_HOST}/demo"},
				},
				Folders: []SeedFolder{{Name: "payments", SeedContent: SeedContent{
					Secrets: []SeedSecret{
						{Name: "STRIPE_KEY", Value: "fake-stripe-key-for-demonstration"},
						{Name: "WEBHOOK_URL", Value: "https://${dev.DB_HOST}/hook"},
					},
				}}},
			}},
			{Slug: "staging", SeedContent: SeedContent{
				Secrets: []SeedSecret{{Name: "GREETING", Value: "hello, staging"}},
				Imports: []SeedImport{{Env: "dev", Path: "/payments"}},
			}},
			{Slug: "prod", SeedContent: SeedContent{
				Secrets: []SeedSecret{{Name: "GREETING", Value: "hello, production"}},
			}},
		},
	}}}
}

// sampleCertificate has the shape of a PEM file, and words where the data would be.
func sampleCertificate() string {
	lines := []string{
		"-----BEGIN CERTIFICATE-----",
		strings.Repeat("this+is+no+certificate/", 2) + "but+has+its+shape",
		strings.Repeat("and+several+lines+of+text", 2) + "/to+copy",
		"ending+in+a+newline==",
		"-----END CERTIFICATE-----",
	}
	return strings.Join(lines, "\n") + "\n"
}

module infisicalfs/internal/credential/internal/official

go 1.26.0

replace infisicalfs => ../../../..

require (
	github.com/aws/aws-sdk-go-v2 v1.48.0
	github.com/stretchr/testify v1.12.1
	infisicalfs v0.0.0
)

require (
	github.com/aws/smithy-go v1.28.9 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
)

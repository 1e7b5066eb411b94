package credential

// methods is the list of all methods, in the order in which they are shown.
func methods() []*Method {
	return []*Method{
		token(),
		serviceToken(),
		universalAuth(),
		kubernetes(),
		awsIAM(),
		gcpIDToken(),
		gcpIAM(),
		azureAuth(),
		oidcAuth(),
		jwtAuth(),
		ldapAuth(),
		tlsCertAuth(),
		ociAuth(),
		alicloudAuth(),
		spiffeAuth(),
		loggedInUser(),
	}
}

// methodNamed returns the method of that name, nil if there is none.
func methodNamed(name string) *Method {
	for _, m := range methods() {
		if m.Name == name {
			return m
		}
	}
	return nil
}

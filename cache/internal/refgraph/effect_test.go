package refgraph

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

var (
	dev   = secret.Dir{Project: "demo", Env: "dev", Path: "/"}
	below = dev.Child("below")
	prod  = secret.Dir{Project: "demo", Env: "prod", Path: "/"}
)

// item is a secret as it is shown, which is not how it is stored.
func item(name string) secret.Secret {
	return secret.Secret{Name: name, ID: "id of " + name, Version: 1, Value: secret.NewValue("resolved")}
}

func stored(name, text string) *secret.Secret {
	s := item(name)
	s.Value = secret.NewValue(text)
	return &s
}

func imported(name string, from secret.Dir) secret.Secret {
	s := item(name)
	s.Import = &from
	return s
}

func folder(dir secret.Dir, secrets ...secret.Secret) *secret.Folder {
	return &secret.Folder{Dir: dir, Secrets: secrets}
}

func changeOf(dir secret.Dir, names ...string) Change {
	ch := Change{Dir: dir}
	for _, name := range names {
		ch.Names = append(ch.Names, secret.HashName(name))
	}
	return ch
}

func TestEffect(t *testing.T) {
	comes := changeOf(dev, "KEY")
	comes.Comes = true
	all := Change{Dir: dev, All: true, Comes: true}
	for name, test := range map[string]struct {
		learned []*secret.Secret
		whole   []secret.Dir // where a survey has told everything
		change  Change
		shown   *secret.Folder
		want    Dependence
	}{
		"refers to the name":            {[]*secret.Secret{stored("URL", "${KEY}")}, nil, changeOf(dev, "KEY"), folder(below, item("URL")), Dependent},
		"through another":               {[]*secret.Secret{stored("URL", "${MID}"), stored("MID", "${KEY}")}, nil, changeOf(dev, "KEY"), folder(below, item("URL")), Dependent},
		"refers to something else":      {[]*secret.Secret{stored("URL", "${OTHER}")}, nil, changeOf(dev, "KEY"), folder(below, item("URL")), Independent},
		"refers to nothing":             {[]*secret.Secret{stored("URL", "plain")}, nil, changeOf(dev, "KEY"), folder(below, item("URL")), Independent},
		"a name made of names":          {[]*secret.Secret{stored("URL", "${A${B}}")}, nil, changeOf(dev, "KEY"), folder(below, item("URL")), Dependent},
		"nothing is known of it":        {nil, nil, changeOf(dev, "KEY"), folder(below, item("URL")), Unclear},
		"another environment, unknown":  {[]*secret.Secret{stored("URL", "${prod.X}")}, nil, changeOf(dev, "KEY"), folder(below, item("URL")), Dependent},
		"another environment, surveyed": {[]*secret.Secret{stored("URL", "${prod.X}")}, []secret.Dir{prod}, changeOf(dev, "KEY"), folder(below, item("URL")), Independent},
		"this environment, unknown":     {[]*secret.Secret{stored("URL", "${dev.X}")}, nil, changeOf(dev, "KEY"), folder(below, item("URL")), Unclear},
		"an import of the name":         {[]*secret.Secret{stored("KEY", "plain")}, nil, changeOf(dev, "KEY"), folder(below, imported("KEY", dev)), Dependent},
		"an import of another":          {[]*secret.Secret{stored("ELSE", "plain")}, nil, changeOf(dev, "KEY"), folder(below, imported("ELSE", dev)), Independent},
		"a name comes, with imports":    {[]*secret.Secret{stored("ELSE", "plain")}, nil, comes, folder(below, imported("ELSE", dev)), Dependent},
		"a folder moves, references":    {[]*secret.Secret{stored("URL", "${OTHER}")}, nil, all, folder(below, item("URL")), Dependent},
		"a folder moves, no references": {[]*secret.Secret{stored("URL", "plain")}, nil, all, folder(below, item("URL")), Independent},
	} {
		t.Run(name, func(t *testing.T) {
			g := &Graph{}
			for _, s := range test.learned {
				g.Learn(s)
			}
			for _, top := range test.whole {
				g.SurveyEnded(top, Survey{At: time.Now(), Done: true})
			}
			shown := g.Shown(test.shown, nil)
			require.Equal(t, test.want, g.Effect(test.change, []*Shown{shown}).On(shown))
		})
	}
}

// Where values are shown as they are stored, only imports depend on others.
func TestEffectOnRawValues(t *testing.T) {
	g := &Graph{Raw: true}
	for name, test := range map[string]struct {
		shown *secret.Folder
		want  Dependence
	}{
		"refers to the name":    {folder(below, *stored("URL", "${KEY}")), Independent},
		"an import of anything": {folder(below, imported("ELSE", dev)), Dependent},
	} {
		shown := g.Shown(test.shown, nil)
		require.Equal(t, test.want, g.Effect(changeOf(dev, "KEY"), []*Shown{shown}).On(shown), name)
	}
}

// What was worked out of a snapshot is kept until there is more to know.
func TestShownIsKept(t *testing.T) {
	g, f := &Graph{}, folder(below, item("URL"))
	first := g.Shown(f, nil)
	require.Equal(t, []string{"dev"}, first.Unknown())
	g.Learn(stored("URL", "${KEY}"))
	second := g.Shown(f, first)
	require.Empty(t, second.Unknown())
	require.Same(t, second, g.Shown(f, second))

	edited := folder(below, item("URL"), item("NEW"))
	require.Same(t, edited, second.Edited(f, edited).of)
	require.Nil(t, second.Edited(edited, f), "it is about another snapshot")
}

// A survey that failed may be tried again; one that succeeded once has told.
func TestSurveys(t *testing.T) {
	g, now := &Graph{}, time.Now()
	require.Zero(t, g.SurveyAt(dev))
	g.SurveyEnded(dev, Survey{At: now, Done: true})
	g.SurveyEnded(dev, Survey{At: now.Add(time.Minute), Impossible: true})
	g.SurveyEnded(prod, Survey{At: now, Impossible: true})
	require.True(t, g.SurveyAt(dev).Done)
	require.True(t, g.surveyed(below))
	g.ForgetFailedSurveys()
	require.False(t, g.SurveyAt(dev).At.IsZero())
	require.Zero(t, g.SurveyAt(prod))
}

package emit

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"infisicalfs/secret"
)

// A directory is its name here.
type place = Place[string]

var (
	today    = time.Date(2024, 7, 1, 12, 0, 0, 5, time.UTC)
	mounted  = time.Date(2024, 7, 2, 0, 0, 0, 0, time.UTC)
	toDev    = Way[string]{{Dir: "root"}, {"demo", "demo"}, {"dev", "dev"}}
	aChange  = Event{Kind: Changed, Shown: "a%2Fb", Name: "a/b", Secret: &secret.Secret{Name: "a/b"}, Mode: 0o600, Date: today}
	aComment = Event{Kind: Annotated, Shown: "a%2Fb", Name: "a/b", Secret: &secret.Secret{Name: "a/b"}, Mode: 0o600, Date: today}
	aSecret  = Event{Kind: Appeared, Shown: "NEW", Name: "NEW", Secret: &secret.Secret{Name: "NEW"}, Mode: 0o600, Date: today}
	aFolder  = Event{Kind: Appeared, Shown: "jobs", Name: "jobs", Folder: true, Mode: 0o700, Date: today}
	aLink    = Event{Kind: Appeared, Shown: "NEW", Name: "NEW", Link: "..data/NEW", Secret: &secret.Secret{Name: "NEW"}, Date: today}
	wentFile = Event{Kind: Vanished, Shown: "OLD", Name: "OLD", Secret: &secret.Secret{Name: "OLD"}, Date: today}
	wentDir  = Event{Kind: Vanished, Shown: "jobs", Name: "jobs", Folder: true, Date: today}
	aSwap    = Event{Kind: Swapped, Shown: "..data", Link: "..2024_07_01"}
)

func attempt(e Event) *Attempt[string] {
	return &Attempt[string]{Event: &e, Way: toDev, dirDate: mounted}
}

// exactly returns a request that sets that date and nothing else.
func exactly(date time.Time) func(time.Time) bool { return date.Equal }

type asked = func(*Attempt[string]) Answer

func lookup(dir, name string) asked {
	return func(a *Attempt[string]) Answer { return a.Lookup(dir, name) }
}

func getattrDir(dir string, at place) asked {
	return func(a *Attempt[string]) Answer { return a.GetattrDir(dir, at) }
}

func getattrFile(at place) asked {
	return func(a *Attempt[string]) Answer { return a.GetattrFile(at) }
}

func setattrFile(at place, date time.Time) asked {
	return func(a *Attempt[string]) Answer { return a.SetattrFile(at, exactly(date)) }
}

func setattrDir(dir string, date time.Time) asked {
	return func(a *Attempt[string]) Answer { return a.SetattrDir(dir, exactly(date)) }
}

func open(at place, flags uint32) asked {
	return func(a *Attempt[string]) Answer { return a.Open(at, flags) }
}

func create(dir, name string) asked {
	return func(a *Attempt[string]) Answer { return a.Create(dir, name) }
}

func mkdir(dir, name string) asked {
	return func(a *Attempt[string]) Answer { return a.Mkdir(dir, name) }
}

func remove(dir, name string, folder bool) asked {
	return func(a *Attempt[string]) Answer { return a.Remove(dir, name, folder) }
}

func symlink(dir, name, target string) asked {
	return func(a *Attempt[string]) Answer { return a.Symlink(dir, name, target) }
}

func rename(from, name, to, newName string, flags uint32) asked {
	return func(a *Attempt[string]) Answer { return a.Rename(from, name, to, newName, flags) }
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		event Event
		asked asked
		want  What
	}{
		"the way is found":                       {aChange, lookup("root", "demo"), Passing},
		"and goes on":                            {aChange, lookup("demo", "dev"), Passing},
		"beside the way is nothing":              {aChange, lookup("root", "other"), Unforeseen},
		"a step of another directory":            {aChange, lookup("root", "dev"), Unforeseen},
		"a changed file is there":                {aChange, lookup("dev", "a%2Fb"), Subject},
		"by its file name":                       {aChange, lookup("dev", "a/b"), Unforeseen},
		"another name":                           {aChange, lookup("dev", "KEY"), Unforeseen},
		"the name elsewhere":                     {aChange, lookup("demo", "a%2Fb"), Unforeseen},
		"what appeared is still absent":          {aSecret, lookup("dev", "NEW"), Absent},
		"so is a folder":                         {aFolder, lookup("dev", "jobs"), Absent},
		"what vanished is still there":           {wentFile, lookup("dev", "OLD"), Subject},
		"a link that is swapped":                 {aSwap, lookup("dev", "..data"), SwapLink},
		"its next, before it is made":            {aSwap, lookup("dev", "..data_tmp"), Absent},
		"another name beside it":                 {aSwap, lookup("dev", "KEY"), Unforeseen},
		"such a name elsewhere":                  {aSwap, lookup("demo", "..data"), Unforeseen},
		"the root's attributes":                  {aChange, getattrDir("root", place{}), Passing},
		"those of a directory on the way":        {aChange, getattrDir("demo", place{"root", "demo"}), Passing},
		"those of another directory":             {aChange, getattrDir("prod", place{"demo", "prod"}), Unforeseen},
		"those of the folder itself":             {wentDir, getattrDir("jobs", place{"dev", "jobs"}), Subject},
		"those of a folder of a secret's name":   {aChange, getattrDir("x", place{"dev", "a/b"}), Unforeseen},
		"those of the file":                      {aChange, getattrFile(place{"dev", "a/b"}), Subject},
		"those of another file":                  {aChange, getattrFile(place{"dev", "KEY"}), Unforeseen},
		"those of a file that is only here":      {aChange, getattrFile(place{}), Unforeseen},
		"those of a file of a folder's name":     {wentDir, getattrFile(place{"dev", "jobs"}), Unforeseen},
		"the date that a file has":               {aChange, setattrFile(place{"dev", "a/b"}, today), Subject},
		"also where only the date differs":       {aComment, setattrFile(place{"dev", "a/b"}, today), Subject},
		"another date":                           {aChange, setattrFile(place{"dev", "a/b"}, today.Add(1)), Unforeseen},
		"that date for another file":             {aChange, setattrFile(place{"dev", "KEY"}, today), Unforeseen},
		"the date that a directory has":          {aFolder, setattrDir("dev", mounted), Passing},
		"another date of a directory":            {aFolder, setattrDir("dev", today), Unforeseen},
		"that of a directory on the way":         {aFolder, setattrDir("demo", mounted), Unforeseen},
		"open a changed file to write":           {aChange, open(place{"dev", "a/b"}, syscall.O_WRONLY), Done},
		"open it to read":                        {aChange, open(place{"dev", "a/b"}, syscall.O_RDONLY), Unforeseen},
		"open it to read and write":              {aChange, open(place{"dev", "a/b"}, syscall.O_RDWR), Unforeseen},
		"empty it":                               {aChange, open(place{"dev", "a/b"}, syscall.O_WRONLY|syscall.O_TRUNC), Unforeseen},
		"open another":                           {aChange, open(place{"dev", "KEY"}, syscall.O_WRONLY), Unforeseen},
		"open what has only another date":        {aComment, open(place{"dev", "a/b"}, syscall.O_WRONLY), Unforeseen},
		"create what appeared":                   {aSecret, create("dev", "NEW"), Subject},
		"create it elsewhere":                    {aSecret, create("demo", "NEW"), Unforeseen},
		"create another":                         {aSecret, create("dev", "KEY"), Unforeseen},
		"create what changed":                    {aChange, create("dev", "a%2Fb"), Unforeseen},
		"create a file where a folder appeared":  {aFolder, create("dev", "jobs"), Unforeseen},
		"create a file where a link appeared":    {aLink, create("dev", "NEW"), Unforeseen},
		"make the folder that appeared":          {aFolder, mkdir("dev", "jobs"), Subject},
		"make another":                           {aFolder, mkdir("dev", "other"), Unforeseen},
		"make a folder where a secret appeared":  {aSecret, mkdir("dev", "NEW"), Unforeseen},
		"make a folder that vanished":            {wentDir, mkdir("dev", "jobs"), Unforeseen},
		"remove what vanished":                   {wentFile, remove("dev", "OLD", false), Done},
		"remove it as a folder":                  {wentFile, remove("dev", "OLD", true), Unforeseen},
		"remove the folder that vanished":        {wentDir, remove("dev", "jobs", true), Done},
		"remove another":                         {wentFile, remove("dev", "KEY", false), Unforeseen},
		"remove what changed":                    {aChange, remove("dev", "a%2Fb", false), Unforeseen},
		"link what appeared":                     {aLink, symlink("dev", "NEW", "..data/NEW"), Subject},
		"link it to something else":              {aLink, symlink("dev", "NEW", "/etc/passwd"), Unforeseen},
		"link another":                           {aLink, symlink("dev", "KEY", "..data/NEW"), Unforeseen},
		"link the next":                          {aSwap, symlink("dev", "..data_tmp", "..2024_07_01"), SwapLink},
		"link the next at once in its place":     {aSwap, symlink("dev", "..data", "..2024_07_01"), Unforeseen},
		"link the next elsewhere":                {aSwap, symlink("demo", "..data_tmp", "..2024_07_01"), Unforeseen},
		"move it into its place":                 {aSwap, rename("dev", "..data_tmp", "dev", "..data", 0), Done},
		"move it to another place":               {aSwap, rename("dev", "..data_tmp", "dev", "KEY", 0), Unforeseen},
		"move it to another directory":           {aSwap, rename("dev", "..data_tmp", "demo", "..data", 0), Unforeseen},
		"exchange it":                            {aSwap, rename("dev", "..data_tmp", "dev", "..data", 2), Unforeseen},
		"move something when nothing is swapped": {aChange, rename("dev", "a%2Fb", "dev", "KEY", 0), Unforeseen},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, c.asked(attempt(c.event)).What) })
	}
}

// The step says which directory it is that is passed.
func TestTheWay(t *testing.T) {
	a := attempt(aChange)
	for at := "root"; at != "dev"; {
		next := a.Lookup(at, map[string]string{"root": "demo", "demo": "dev"}[at])
		require.Equal(t, Passing, next.What)
		at = a.Way[next.Step].Dir
		require.Equal(t, next, a.GetattrDir(at, place{}))
	}
}

// A link that is swapped is another node than what is in its place, and is found once
// it has been made.
func TestASwap(t *testing.T) {
	a := attempt(aSwap)
	require.Equal(t, Absent, a.Lookup("dev", "..data_tmp").What)
	made := a.Symlink("dev", "..data_tmp", "..2024_07_01")
	require.Equal(t, made, a.Lookup("dev", "..data_tmp"))
	require.NotEqual(t, made.Identity, a.Lookup("dev", "..data").Identity)
	require.Equal(t, Absent, attempt(aSwap).Lookup("dev", "..data_tmp").What, "each attempt begins anew")
}

// What comes of what the kernel believes of a name is tried again, and nothing else.
func TestContradictions(t *testing.T) {
	all := []syscall.Errno{syscall.ENOENT, syscall.EEXIST, syscall.ESTALE, syscall.EIO, syscall.EACCES}
	for kind, want := range map[Kind][]syscall.Errno{
		Changed:   {syscall.ENOENT, syscall.ESTALE},
		Annotated: {syscall.ENOENT, syscall.ESTALE},
		Vanished:  {syscall.ENOENT, syscall.ESTALE},
		Appeared:  {syscall.EEXIST},
		Swapped:   {syscall.ENOENT, syscall.EEXIST, syscall.ESTALE},
	} {
		var again []syscall.Errno
		for _, errno := range all {
			if (&Event{Kind: kind}).contradicts(errno) {
				again = append(again, errno)
			}
		}
		require.Equal(t, want, again, kind.String())
	}
}

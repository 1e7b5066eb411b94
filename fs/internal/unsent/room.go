package unsent

// step is in what steps a room grows, in bytes: nearly every value fits into the
// first, so that nearly every text has its room since its first write.
const step = 64 << 10

// Room is what a text in the making takes of its user's budget. The zero Room
// takes nothing. It belongs to one writer, who does not use it concurrently.
type Room struct {
	uid   uint32
	bytes int
	taken bool
}

// Grow makes room for a text of n bytes, in the name of a user. It fails with
// [ErrFull], and then the room is what it was.
func (s *Store) Grow(r *Room, uid uint32, n int) error {
	if r.taken && n <= r.bytes {
		return nil
	}
	texts, bytes := 0, (n+step-1)/step*step-r.bytes
	if !r.taken {
		texts, bytes = 1, max(bytes, step)
	} else {
		uid = r.uid
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.only[uid]; u.texts+texts > MaxTexts || u.bytes+bytes > MaxBytes || s.all+bytes > MaxAllBytes {
		return ErrFull
	}
	s.use(uid, texts, bytes)
	*r = Room{uid, r.bytes + bytes, true}
	return nil
}

// Give gives a room back: its text was sent, is kept as a [Text], or is nobody's
// any more.
func (s *Store) Give(r *Room) {
	if !r.taken {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.use(r.uid, -1, -r.bytes)
	*r = Room{}
}

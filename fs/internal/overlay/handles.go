package overlay

// Enter counts a new handle. It reports false, with what to wait for, while the
// file is on its way to the server; then it may be a secret.
func (o *Overlay) Enter(f *File) (ok bool, wait <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.sending != nil {
		return false, f.sending
	}
	f.open++
	f.notify()
	return true, nil
}

// Hold is Enter for who is about to send the file himself: it does not go for
// others meanwhile. It reports false if the file has lost its name.
func (o *Overlay) Hold(f *File) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.linked {
		f.open++
	}
	return f.linked
}

// Leave is the opposite of Enter and Hold.
func (o *Overlay) Leave(f *File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.open--; f.open == 0 {
		o.stamp(f)
		f.notify()
		o.reclaim(f)
	}
}

// StartSending keeps everybody from opening the file until StopSending. It
// reports false if somebody has it open, or if it has lost its name.
func (o *Overlay) StartSending(f *File) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !f.linked || f.open > 0 || f.sending != nil {
		return false
	}
	f.sending = make(chan struct{})
	return true
}

// StopSending is the opposite of StartSending.
func (o *Overlay) StopSending(f *File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(f.sending)
	f.sending = nil
}

// Open returns how many handles scratch files have.
func (o *Overlay) Open() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, part := range o.folders {
		for _, f := range part.files {
			n += f.open
		}
	}
	return n
}

;;; Both ends of the conversation that every language has with every other (tests/languages/README.md):
;;; guile -L bindings/guile conversation.scm listen 127.0.0.1:0

(use-modules (anysock) (system foreign) (rnrs bytevectors) (srfi srfi-1) (ice-9 match) (ice-9 threads))

(define patience (* 30 ANYSOCK_SECOND))
(define mebibyte (expt 2 20))

(define (name code) (pointer->string (anysock_error_name code)))
(define (check code) (if (negative? code) (error (name code)) code))
(define text string->pointer)

;; RFC 1950.
(define (checksum data)
  (let loop ((at 0) (a 1) (b 0))
    (if (= at (bytevector-length data))
        (+ (* b 65536) a)
        (let ((next (modulo (+ a (bytevector-u8-ref data at)) 65521)))
          (loop (+ at 1) next (modulo (+ b next) 65521))))))

(define (part data start end)
  (let ((copy (make-bytevector (- end start))))
    (bytevector-copy! data start copy 0 (- end start))
    copy))

;; Guile's collector does not move a bytevector.
(define (read-to-end socket)
  (let ((room (make-bytevector (* 2 mebibyte))))
    (let loop ((have 0))
      (let ((count (check (anysock_read socket (bytevector->pointer room have) (- (bytevector-length room) have)))))
        (if (zero? count) (part room 0 have) (loop (+ have count)))))))

(define (write-all socket data)
  (check (anysock_write_all socket (bytevector->pointer data) (bytevector-length data))))

(define (read-one socket)
  (name (anysock_read socket (bytevector->pointer (make-bytevector 1)) 1)))

(define (address ask socket)
  (let ((room (make-bytevector 64)))
    (check (ask socket (bytevector->pointer room) 64))
    (pointer->string (bytevector->pointer room))))

(define (say . words)
  (display (string-join words " "))
  (newline)
  (force-output))

;;; The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.

(define (answer client)
  (let ((all (read-to-end client)))
    (write-all client (string->utf8 (format #f "~a ~a\n" (bytevector-length all) (checksum all))))
    (write-all client all)))

(define (serve address-text)
  (let ((listener (check (anysock_open (text "tcp")))))
    (check (anysock_bind listener (text address-text)))
    (check (anysock_listen listener 0))
    (say "listening on" (address anysock_local_address listener))
    (while #t
      (let ((client (check (anysock_accept listener))))
        (catch #t
          (lambda () (answer client))
          (lambda why (format (current-error-port) "~a\n" why)))
        (check (anysock_close client))))))

;;; The client: a line for each step.

;; Two numbers that lie beside each other.
(define (pair)
  (let* ((room (make-bytevector 16)) (place (bytevector->pointer room)))
    (check (anysock_pair (text "tcp") place (bytevector->pointer room 8)))
    (values (bytevector-s64-native-ref room 0) (bytevector-s64-native-ref room 8))))

;; Which of two has something to read: one to whom nobody speaks, or the server.
(define (ready server)
  (call-with-values pair
    (lambda (idle other)
      (let* ((both (make-c-struct (list int64 int64) (list idle server)))
             (set (make-c-struct anysock_handles (list 2 both))))
        (check (anysock_select set %null-pointer %null-pointer patience))
        (let ((found (filter-map (lambda (word socket) (and (= 1 (anysock_handles_has set socket)) word))
                                 '("idle" "server") (list idle server))))
          (for-each (lambda (socket) (check (anysock_close socket))) (list idle other))
          (string-join found " "))))))

(define (hear server)
  (let* ((all (read-to-end server))
         (end (let loop ((at 0)) (if (= 10 (bytevector-u8-ref all at)) at (loop (+ at 1)))))
         (echo (part all (+ end 1) (bytevector-length all))))
    (say "answer" (utf8->string (part all 0 end)))
    (say "echo" (number->string (bytevector-length echo)) (number->string (checksum echo)))))

(define (cancelled)
  (call-with-values pair
    (lambda (idle other)
      (let ((reader (call-with-new-thread (lambda () (read-one idle)))))
        (usleep 20000)
        (check (anysock_close idle))
        (let ((said (join-thread reader)))
          (check (anysock_close other))
          ;; Else the thread came too late to be blocked.
          (if (string=? said "EBADF") (cancelled) said))))))

(define (talk address-text nobody)
  (let ((other (check (anysock_open (text "tcp")))) (server (check (anysock_open (text "tcp")))))
    (define (timeout time) (check (anysock_set server (text ANYSOCK_OPT_TIMEOUT) time)))
    (say "refused" (name (anysock_connect other (text nobody))))
    (check (anysock_close other))
    (timeout patience)
    (check (anysock_connect server (text (string-append "localhost" (substring address-text (string-rindex address-text #\:))))))
    (say "connected" (address anysock_peer_address server))
    (timeout (* 50 ANYSOCK_MILLISECOND))
    (say "silence" (read-one server))
    (timeout patience)
    (let ((data (make-bytevector mebibyte)))
      (do ((i 0 (+ i 1))) ((= i mebibyte)) (bytevector-u8-set! data i (modulo i 251)))
      (write-all server data))
    (check (anysock_shutdown server ANYSOCK_SHUT_WRITE))
    (say "ready" (ready server))
    (hear server)
    (say "cancelled" (cancelled))
    (check (anysock_close server))
    (say "gone" (read-one server))))

(match (cdr (command-line))
  (("listen" address-text) (serve address-text))
  (("talk" address-text nobody) (talk address-text nobody))
  (_ (format (current-error-port) "usage: conversation.scm listen ADDRESS | conversation.scm talk ADDRESS NOBODY\n")))

;;; Both ends of the conversation that every language has with every other (tests/languages/README.md):
;;; sbcl --script conversation.lisp listen 127.0.0.1:0

(load-shared-object (or (sb-ext:posix-getenv "ANYSOCK_LIBRARY") "libanysock.so.0"))
(load (merge-pathnames "anysock.lisp" *load-truename*))

(defpackage :conversation (:use :common-lisp :sb-alien :anysock))
(in-package :conversation)

(defconstant +patience+ (* 30 +second+))
(defconstant +mebibyte+ (ash 1 20))
(deftype octets () '(simple-array (unsigned-byte 8) (*)))

(defun check (code)
  (if (minusp code) (error "~a" (anysock-error-name code)) code))

(defun octets (text) (sb-ext:string-to-octets text :external-format :utf-8))

;; RFC 1950.
(defun checksum (data)
  (declare (type octets data) (optimize speed (safety 0)))
  (let ((a 1) (b 0))
    (declare (type (unsigned-byte 32) a b))
    (loop for each across data
          do (setf a (mod (+ a each) 65521) b (mod (+ b a) 65521)))
    (logior (ash b 16) a)))

(defmacro with-memory ((place data) &body body)
  "The collector moves what is not pinned."
  `(sb-sys:with-pinned-objects (,data)
     (let ((,place (sb-sys:vector-sap ,data))) ,@body)))

(defun read-to-end (socket)
  (let ((all (make-array (* 2 +mebibyte+) :element-type '(unsigned-byte 8))) (have 0))
    (with-memory (place all)
      (loop for count = (check (anysock-read socket (sap-alien (sb-sys:sap+ place have) (* t)) (- (length all) have)))
            until (zerop count) do (incf have count)))
    (subseq all 0 have)))

(defun write-all (socket data)
  (with-memory (place data)
    (check (anysock-write-all socket (sap-alien place (* t)) (length data)))))

(defun read-one (socket)
  (let ((one (make-array 1 :element-type '(unsigned-byte 8))))
    (with-memory (place one) (anysock-error-name (anysock-read socket (sap-alien place (* t)) 1)))))

(defun text (ask socket)
  (with-alien ((room (array char 64)))
    (check (funcall ask socket (cast room (* t)) 64))
    (cast room c-string)))

(defun say (&rest words)
  (format t "~{~a~^ ~}~%" words)
  (finish-output))

;;; The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.

(defun answer (client)
  (let ((all (read-to-end client)))
    (write-all client (octets (format nil "~d ~d~%" (length all) (checksum all))))
    (write-all client all)))

(defun serve (address)
  (let ((listener (check (anysock-open "tcp"))))
    (check (anysock-bind listener address))
    (check (anysock-listen listener 0))
    (say "listening on" (text #'anysock-local-address listener))
    (loop
      (let ((client (check (anysock-accept listener))))
        (handler-case (answer client)
          (error (why) (format *error-output* "~a~%" why)))
        (check (anysock-close client))))))

;;; The client: a line for each step.

(defun pair ()
  (with-alien ((first (signed 64)) (second (signed 64)))
    (check (anysock-pair "tcp" (cast (addr first) (* t)) (cast (addr second) (* t))))
    (values first second)))

(defun ready (server)
  "Which of two has something to read: one to whom nobody speaks, or the server."
  (multiple-value-bind (idle other) (pair)
    (with-alien ((both (array (signed 64) 2)) (readable (struct anysock-handles)))
      (setf (deref both 0) idle (deref both 1) server)
      (setf (slot readable 'anysock::count) 2 (slot readable 'anysock::handles) (cast both (* t)))
      (let ((set (cast (addr readable) (* t))) (nothing (sap-alien (sb-sys:int-sap 0) (* t))))
        (check (anysock-select set nothing nothing +patience+))
        (say (format nil "ready~:[~; idle~]~:[~; server~]"
                     (= 1 (anysock-handles-has set idle)) (= 1 (anysock-handles-has set server))))))
    (check (anysock-close idle))
    (check (anysock-close other))))

(defun hear (server)
  (let* ((all (read-to-end server)) (end (position 10 all)) (echo (subseq all (1+ end))))
    (say "answer" (sb-ext:octets-to-string all :end end))
    (say "echo" (length echo) (checksum echo))))

(defun cancelled ()
  (multiple-value-bind (idle other) (pair)
    (let ((reader (sb-thread:make-thread #'read-one :arguments (list idle))))
      (sleep 0.02)
      (check (anysock-close idle))
      (let ((name (sb-thread:join-thread reader)))
        (check (anysock-close other))
        ;; Else the thread came too late to be blocked.
        (if (string= name "EBADF") (cancelled) name)))))

(defun talk (address nobody)
  (let ((other (check (anysock-open "tcp"))) (server (check (anysock-open "tcp"))))
    (say "refused" (anysock-error-name (anysock-connect other nobody)))
    (check (anysock-close other))
    (check (anysock-set server +opt-timeout+ +patience+))
    (check (anysock-connect server (format nil "localhost~a" (subseq address (position #\: address :from-end t)))))
    (say "connected" (text #'anysock-peer-address server))
    (check (anysock-set server +opt-timeout+ (* 50 +millisecond+)))
    (say "silence" (read-one server))
    (check (anysock-set server +opt-timeout+ +patience+))
    (let ((data (make-array +mebibyte+ :element-type '(unsigned-byte 8))))
      (dotimes (i +mebibyte+) (setf (aref data i) (mod i 251)))
      (write-all server data))
    (check (anysock-shutdown server +shut-write+))
    (ready server)
    (hear server)
    (say "cancelled" (cancelled))
    (check (anysock-close server))
    (say "gone" (read-one server))))

(destructuring-bind (&optional what address nobody) (rest sb-ext:*posix-argv*)
  (cond ((and (equal what "listen") address) (serve address))
        ((and (equal what "talk") nobody) (talk address nobody))
        (t (format *error-output* "usage: conversation.lisp listen ADDRESS | conversation.lisp talk ADDRESS NOBODY~%"))))

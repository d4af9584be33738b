# Both ends of the conversation that every language has with every other (tests/languages/README.md):
# Rscript conversation.R FOLDER listen 127.0.0.1:0, where FOLDER has the extension.

arguments <- commandArgs(trailingOnly = TRUE)
dyn.load(file.path(arguments[1], "libanysockr.so"))
source("bindings/r/anysock.R")

patience <- 30 * ANYSOCK_SECOND
mebibyte <- 2^20

check <- function(answer) {
    if (answer[[1]] < 0) stop(anysock_error_name(answer[[1]]), call. = FALSE)
    answer
}

say <- function(...) cat(..., "\n", sep = "")

text <- function(number) format(number, scientific = FALSE)

# RFC 1950, all bytes at a time: a double holds the sums.
checksum <- function(data) {
    count <- length(data)
    bytes <- as.numeric(data)
    low <- (1 + sum(bytes)) %% 65521
    high <- (count + sum(bytes * (count:1))) %% 65521
    text(high * 65536 + low)
}

read_to_end <- function(socket) {
    parts <- list()
    while ((part <- check(anysock_read(socket, 65536)))[[1]] > 0) parts[[length(parts) + 1]] <- part[[2]]
    do.call(c, c(list(raw(0)), parts))
}

write_all <- function(socket, bytes) check(anysock_write_all(socket, bytes))

name <- function(answer) anysock_error_name(answer[[1]])

# The server: reads a client to its end, and answers with how much that was, its checksum, and all of it.
answer <- function(client) {
    all <- read_to_end(client)
    write_all(client, charToRaw(paste0(text(length(all)), " ", checksum(all), "\n")))
    write_all(client, all)
}

serve <- function(address) {
    listener <- check(anysock_open("tcp"))
    check(anysock_bind(listener, address))
    check(anysock_listen(listener, 0))
    say("listening on ", check(anysock_local_address(listener, 64))[[2]])
    repeat {
        client <- check(anysock_accept(listener))
        tryCatch(answer(client), error = function(why) message(conditionMessage(why)))
        anysock_close(client)
    }
}

# The client: a line for each step.
talk <- function(address, nobody) {
    other <- check(anysock_open("tcp"))
    say("refused ", name(anysock_connect(other, nobody)))
    anysock_close(other)
    server <- check(anysock_open("tcp"))
    timeout <- function(time) check(anysock_set(server, ANYSOCK_OPT_TIMEOUT, time))
    timeout(patience)
    check(anysock_connect(server, sub(".*:", "localhost:", address)))
    say("connected ", check(anysock_peer_address(server, 64))[[2]])
    timeout(50 * ANYSOCK_MILLISECOND)
    say("silence ", name(anysock_read(server, 1)))
    timeout(patience)
    write_all(server, as.raw(seq(0, mebibyte - 1) %% 251))
    check(anysock_shutdown(server, ANYSOCK_SHUT_WRITE))
    say("ready ", ready(server))
    all <- read_to_end(server)
    end <- which(all == as.raw(10))[1]
    echo <- all[-seq_len(end)]
    say("answer ", rawToChar(all[seq_len(end - 1)]))
    say("echo ", text(length(echo)), " ", checksum(echo))
    say("cancelled no threads")
    anysock_close(server)
    say("gone ", name(anysock_read(server, 1)))
}

# Which of two has something to read: one to whom nobody speaks, or the server. An anysock_event begins with the token.
ready <- function(server) {
    poller <- check(anysock_poller_open())
    pair <- check(anysock_pair("tcp"))
    check(anysock_poller_set(poller, pair[[2]], ANYSOCK_EVENT_READ, 1))
    check(anysock_poller_set(poller, server, ANYSOCK_EVENT_READ, 2))
    found <- check(anysock_poller_wait(poller, 8, patience))
    tokens <- as.integer(found[[2]][seq(1, by = 24, length.out = found[[1]])])
    for (each in list(poller, pair[[2]], pair[[3]])) anysock_close(each)
    paste(c("idle", "server")[tokens], collapse = " ")
}

if (arguments[2] == "listen") serve(arguments[3]) else talk(arguments[3], arguments[4])

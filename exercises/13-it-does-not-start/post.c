/* post WORD: sends a word to the harbour office over TLS, and prints the answer.

   The office is part of the program here, as a process at the other end of a socket, so that no network is needed.
   Its certificate is signed by the harbour's own authority: post believes it if OpenSSL finds that authority among
   those that it trusts. */
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME "office.harbour.example"

extern const char office[];   /* its certificate and key, made by authority.sh */
__asm__(".section .rodata\n.global office\noffice: .incbin \"office.pem\"\n.byte 0\n.previous");

static int serve(int end)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    BIO *pem = BIO_new_mem_buf(office, -1);
    char word[64];
    int count;
    SSL *line;

    SSL_CTX_use_certificate(context, PEM_read_bio_X509(pem, NULL, NULL, NULL));
    SSL_CTX_use_PrivateKey(context, PEM_read_bio_PrivateKey(pem, NULL, NULL, NULL));
    line = SSL_new(context);
    SSL_set_fd(line, end);
    if (SSL_accept(line) == 1 && (count = SSL_read(line, word, sizeof word)) > 0)
        SSL_write(line, word, count);
    return 0;
}

static int ask(int end, const char *word)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    char answer[64];
    int count;
    SSL *line;

    SSL_CTX_set_default_verify_paths(context);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    line = SSL_new(context);
    SSL_set_fd(line, end);
    SSL_set1_host(line, NAME);
    if (SSL_connect(line) != 1) {
        fprintf(stderr, "post: https://%s: certificate verify failed: %s\n", NAME,
                X509_verify_cert_error_string(SSL_get_verify_result(line)));
        return 1;
    }
    SSL_write(line, word, strlen(word));
    count = SSL_read(line, answer, sizeof answer);
    printf("The office received: %.*s\n", count > 0 ? count : 0, answer);
    return 0;
}

int main(int argc, char **argv)
{
    int ends[2];

    if (argc != 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        fprintf(stderr, "usage: post WORD\n");
        return 2;
    }
    if (fork() == 0) {
        close(ends[0]);
        return serve(ends[1]);
    }
    close(ends[1]);
    return ask(ends[0], argv[1]);
}

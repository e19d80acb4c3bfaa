"""A seccomp filter that makes `chown`, `setgroups`, `setuid` and the like do nothing successfully. In a namespace with
one user id they fail, and with them Buildah, `apt-get` and each package with a file of another owner. The list is that
of Charliecloud's `--force=seccomp`. It is assembled by seccomp(2) and `linux/bpf_common.h`, since libseccomp's Python
binding is not on PyPI."""

import ctypes
import os
import platform
import struct

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06   # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4         # offsets in struct seccomp_data
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000     # the low 16 bits of _ERRNO are the errno: 0
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2

# AUDIT_ARCH_* of linux/audit.h and each architecture's system calls. arm64 has no chown and lchown: its C library calls
# fchownat.
_FAKED = {
    "x86_64": (0xC000003E, {"chown": 92, "fchown": 93, "lchown": 94, "fchownat": 260, "setuid": 105, "setgid": 106,
                            "setreuid": 113, "setregid": 114, "setgroups": 116, "setresuid": 117, "setresgid": 119,
                            "setfsuid": 122, "setfsgid": 123}),
    "aarch64": (0xC00000B7, {
        "fchownat": 54, "fchown": 55, "setregid": 143, "setgid": 144, "setreuid": 145, "setuid": 146,
        "setresuid": 147, "setresgid": 149, "setfsuid": 151, "setfsgid": 152, "setgroups": 159})}


def known(machine: str | None = None) -> bool:
    """Whether there is a filter for this processor."""
    return (machine or platform.machine()) in _FAKED


def program(machine: str | None = None) -> bytes:
    """The filter in the kernel's form, 8 bytes an instruction. Raises KeyError for a processor that is not `known`."""
    architecture, numbers = _FAKED[machine or platform.machine()]
    faked = sorted(numbers.values())
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture),       # allow calls of another architecture (32 bit)
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _NUMBER_AT),
        # Jumps count from the next instruction: this one skips the rest of the list and ALLOW.
        *((_EQUAL, len(faked) - index, 0, number) for index, number in enumerate(faked)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def install() -> None:
    """Apply the filter to this process and its descendants, permanently. Raises OSError if the kernel refuses."""
    class Program(ctypes.Structure):   # struct sock_fprog
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    text = program()
    kept = ctypes.create_string_buffer(text, len(text))
    libc = ctypes.CDLL(None, use_errno=True)
    filled = Program(len(text) // 8, ctypes.addressof(kept))
    # Without NO_NEW_PRIVS a filter takes CAP_SYS_ADMIN.
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
            _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filled), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

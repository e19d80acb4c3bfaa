"""System calls that answer "done" and do nothing, for a namespace of one user id: there `chown`, `setgroups` and
`setuid` fail, and with them Buildah, `apt-get` and every package with a file of another owner. Charliecloud's
`--force=seccomp` is the model of what is faked. The filter is written out, by seccomp(2) and `linux/bpf_common.h`,
since libseccomp's Python binding is not on PyPI."""

import ctypes
import os
import platform
import struct

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06   # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4         # offsets in struct seccomp_data
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000     # the low 16 bits of _ERRNO are the errno: 0
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2

# AUDIT_ARCH_* of linux/audit.h, and the numbers in each kernel's own table. The
# generic table that arm64 has knows no chown and lchown: its C library calls fchownat.
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
    """The filter as the kernel reads it, 8 bytes an instruction. Raises KeyError for a
    processor that is not `known`."""
    architecture, numbers = _FAKED[machine or platform.machine()]
    faked = sorted(numbers.values())
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture),       # a call of another table (32 bit) is left alone
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _NUMBER_AT),
        # A jump counts from the next instruction: over the rest of the list and over ALLOW.
        *((_EQUAL, len(faked) - index, 0, number) for index, number in enumerate(faked)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def install() -> None:
    """Put this process and all that it starts under the filter, for good. Raises OSError where the kernel has none."""
    class Program(ctypes.Structure):   # struct sock_fprog
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    text = program()
    kept = ctypes.create_string_buffer(text, len(text))
    libc = ctypes.CDLL(None, use_errno=True)
    filled = Program(len(text) // 8, ctypes.addressof(kept))
    # Without it the kernel lets only a process with CAP_SYS_ADMIN install a filter.
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
            _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(filled), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

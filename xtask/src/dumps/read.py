# Says, a line each, what kdmp-parser finds in a dump: read.py DUMP [PAGE]...
import sys

import kdmp_parser

dump = kdmp_parser.KernelDumpParser(sys.argv[1])
header, context = dump.header, dump.context
print(f"code {header.BugCheckCode:#x}")
print(f"build {header.MinorVersion}")
comment = bytes(header.Comment)
print("comment", comment[: comment.index(0)].decode())
for parameter in header.BugCheckCodeParameter:
    print(f"parameter {parameter:#x}")
names = "Rax Rcx Rdx Rbx Rsp Rbp Rsi Rdi R8 R9 R10 R11 R12 R13 R14 R15 Rip"
for name in names.split():
    print(f"register {getattr(context, name):#x}")
record = header.Exception
print(f"exception {record.ExceptionCode & 0xFFFFFFFF:#x} {record.ExceptionAddress:#x}")
for page in sys.argv[2:]:
    page = int(page, 16)
    content = dump.read_virtual_page(page, dump.directory_table_base)
    print(f"page {page:#x} {content.hex() if content else 'absent'}")

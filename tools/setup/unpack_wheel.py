"""Unpacks what the binding needs from a TensorFlow wheel: two shared libraries and the C API's headers.

usage: unpack_wheel.py WHEEL FOLDER
Python, because python3 is needed for pip anyway and its zipfile streams; files are synced before we report success.
"""

import os
import shutil
import sys
import zipfile

LIBRARIES = ("tensorflow/libtensorflow_cc.so.2", "tensorflow/libtensorflow_framework.so.2")
INCLUDE = "tensorflow/include/"
# The C API's headers and all that they include.
HEADERS = ("tensorflow/c/", "tensorflow/core/platform/ctstring", "tsl/platform/", "xla/tsl/c/")
NOTICES = ("tensorflow/THIRD_PARTY_NOTICES.txt", "tensorflow/include/LICENSE")


def place_of(name):
    if name.endswith("/"):
        return None
    if name in LIBRARIES:
        return os.path.join("lib", os.path.basename(name))
    if name in NOTICES:
        return os.path.basename(name)
    inside = name[len(INCLUDE):] if name.startswith(INCLUDE) else ""
    return os.path.join("include", inside) if inside.startswith(HEADERS) else None


def main(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            place = place_of(entry.filename)
            if place is None:
                continue
            target = os.path.join(folder, place)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(entry) as source, open(target, "xb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
                sink.flush()
                os.fsync(sink.fileno())
    for name in LIBRARIES:
        if not os.path.exists(os.path.join(folder, place_of(name))):
            sys.exit(f"the wheel holds no {name}")


main(sys.argv[1], sys.argv[2])

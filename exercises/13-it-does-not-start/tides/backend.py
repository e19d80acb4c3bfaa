"""Packs tides as a wheel (PEP 517), so that pip needs nothing from the internet."""

import zipfile

WHEEL, INFO = "tides-1.0-py3-none-any.whl", "tides-1.0.dist-info"


def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{folder}/{WHEEL}", "w") as wheel:
        wheel.write("tides.py")
        wheel.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: tides\nVersion: 1.0\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{INFO}/entry_points.txt", "[console_scripts]\ntides = tides:main\n")
        wheel.writestr(f"{INFO}/RECORD", "")
    return WHEEL

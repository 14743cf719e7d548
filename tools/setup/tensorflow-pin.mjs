/**
 * The one TensorFlow we run on. The npm package would download libtensorflow 2.9.1 of 2022 with its known
 * vulnerabilities; the same C API is inside the current Python wheel, and pip can check the wheel against this hash.
 */
export const pin = Object.freeze({
  requirement: 'tensorflow-cpu==2.21.0',
  version: '2.21.0',
  wheel: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
  sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
  /** Flags that make pip choose this very wheel whatever Python runs it; we never import it, only unpack it. */
  tags: Object.freeze([
    '--python-version=3.11',
    '--implementation=cp',
    '--abi=cp311',
    '--platform=manylinux_2_27_x86_64',
  ]),
  wheelBytes: 273_829_956,
  unpackedBytes: 860_000_000,
});

/** @typedef {typeof pin} WheelPin */

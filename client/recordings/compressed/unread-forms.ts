/** What else files come in, by their first four bytes, and what helps: read as text these would be lines that make no sense. */
const forms: readonly Readonly<{ begins: RegExp; text: string }>[] = [
  { begins: /^425a683[1-9]/, text: packedBy('bzip2', 'bunzip2') },
  { begins: /^fd377a58/, text: packedBy('xz', 'unxz') },
  { begins: /^04224d18/, text: packedBy('lz4', 'unlz4') },
  { begins: /^504b0304/, text: packedBy('zip', 'unzip') },
  { begins: /^377abcaf/, text: packedBy('7-Zip', '7z x') },
  { begins: /^50415231/, text: 'this is a Parquet file: export it as text, such as CSV' },
  { begins: /^(?:fffe|feff)/, text: 'this is UTF-16: write it as UTF-8 (iconv -f UTF-16 -t UTF-8)' },
];

/** A sentence about a file that nothing here reads, by how it begins; undefined of any other. */
export function unreadForm(head: Buffer): string | undefined {
  const digits = head.toString('hex', 0, 4);
  return forms.find(({ begins }) => begins.test(digits))?.text;
}

function packedBy(packer: string, unpacker: string): string {
  return `this is packed by ${packer}, which is not read: unpack it (${unpacker}), or pack it by gzip or zstd`;
}

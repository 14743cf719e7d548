/** A certificate in PEM (RFC 7468). */
export function pemOfCertificate(der: Uint8Array): string {
  return pemOf('CERTIFICATE', der);
}

/** DER in PEM, 64 characters to a line. */
export function pemOf(label: 'CERTIFICATE' | 'PRIVATE KEY', der: Uint8Array): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  return `-----BEGIN ${label}-----\n${(base64.match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${label}-----\n`;
}

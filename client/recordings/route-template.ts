/** Nobody's first segments are longer. */
const urlMax = 8_192;
const segmentsMax = 8;
const charactersMax = 128;
const wordMax = 40;

/**
 * The route that a path belongs to: variable segments become "{}", the query is dropped, and depth and length are
 * bounded. "/users/42/orders/3f2a…?x=1" is "/users/{}/orders/{}". A scheme and authority before the path are left out.
 * Segments like "v1" and words stay.
 */
export function routeTemplate(whole: string): string {
  const url = whole.slice(0, urlMax);
  const start = url.indexOf('://');
  const slash = start === -1 ? 0 : url.indexOf('/', start + 3);
  if (slash === -1) return '/';
  const end = url.slice(slash).search(/[?#]/);
  const path = end === -1 ? url.slice(slash) : url.slice(slash, slash + end);
  const segments = path.split('/').filter((segment) => segment !== '');
  const folded = segments.slice(0, segmentsMax).map((segment) => (isVariable(segment) ? '{}' : segment));
  if (segments.length > segmentsMax) folded.push('...');
  return `/${folded.join('/')}`.slice(0, charactersMax);
}

/** Whether a segment looks like a value: a number, a uuid, a digest, a token, a template's own placeholder. */
export function isVariable(segment: string): boolean {
  if (segment.length > wordMax) return true;
  // Nearly every segment: a word, in which nothing below could be found.
  if (/^[A-Za-z._~-]*$/.test(segment)) return false;
  if (/^v\d+(?:(?:alpha|beta)\d+)?$/.test(segment)) return false;
  if (/^\{.*\}$|^:\w/.test(segment)) return true;
  if (/[%@=,;]/.test(segment)) return true;
  if (/^[+-]?\d[\d.,:_TZ-]*$/i.test(segment)) return true;
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(segment)) return true;
  if (/^[0-9a-f]{8,}$/i.test(segment) && /\d/.test(segment)) return true;
  const digits = segment.replace(/\D/g, '').length;
  // "order-20417", "AB12CD34": more than a version number's worth of digits.
  return digits >= 4 || (digits >= 2 && digits * 3 >= segment.length);
}

/** Whether a path is a gRPC method: "/package.Service/Method". */
export function isGrpcPath(path: string): boolean {
  return /^\/?(?:\w+\.)+[A-Z]\w*\/[A-Z]\w*$/.test(path);
}

/** Where a store lies on S3, as its URL says. What is not said here the AWS SDK finds out by its usual chain. */
export interface S3Place {
  bucket: string;
  /** Empty, or ends with a slash. */
  prefix: string;
  endpoint: string | undefined;
  region: string | undefined;
  /** undefined: path style where an endpoint is named, by URL or environment; else virtual hosts, as AWS wants it. */
  isPathStyle: boolean | undefined;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/;
const KEYS = ['endpoint', 'region', 'path-style'];
const FORM = 's3://bucket/prefix';

/**
 * Reads `s3://bucket/prefix?endpoint=…&region=…&path-style=true|false`; what is wrong is a text that says what to
 * write.
 */
export function parseS3Url(text: string): S3Place | string {
  const url = URL.parse(text);
  if (url?.protocol !== 's3:') return `write ${FORM}`;
  if (url.username || url.password)
    return `write ${FORM} without credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold them`;
  if (url.hash || url.port) return `write ${FORM}, an endpoint as ?endpoint=https://host:port`;
  if (!BUCKET.test(url.hostname)) return `write ${FORM}: a bucket has 3 to 63 small letters, digits, dots and hyphens`;
  const prefix = url.pathname.replace(/^\/|\/$/g, '');
  if (prefix !== '' && !PREFIX.test(prefix))
    return `write ${FORM}: a prefix has letters, digits, -, _, . and single slashes`;
  return withOptions(url, prefix);
}

function withOptions({ hostname, searchParams }: URL, prefix: string): S3Place | string {
  const unknown = [...searchParams.keys()].find((key) => !KEYS.includes(key));
  if (unknown !== undefined) return `write ${KEYS.join(', ')} after the question mark, not ${JSON.stringify(unknown)}`;
  const twice = KEYS.find((key) => searchParams.getAll(key).length > 1);
  if (twice !== undefined) return `write ${twice} once`;
  const endpoint = searchParams.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !isEndpoint(endpoint)) return 'write endpoint=https://host:port';
  const region = searchParams.get('region') ?? undefined;
  if (region !== undefined && !/^[a-z0-9-]+$/.test(region)) return 'write region=eu-central-1';
  const style = searchParams.get('path-style');
  if (style !== null && style !== 'true' && style !== 'false') return 'write path-style=true or path-style=false';
  return {
    bucket: hostname,
    prefix: prefix && `${prefix}/`,
    endpoint,
    region,
    isPathStyle: style === null ? undefined : style === 'true',
  };
}

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash;
}

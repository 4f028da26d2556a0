import { StoreFull } from './store.ts';

/** A conditional write that was refused: the object is not, or no longer, what was expected. Nothing was written. */
export class ConditionFailed extends Error {
  override name = 'ConditionFailed';
}

/** The bucket cannot be used as it is configured: no retry mends it. */
export class BucketRefused extends Error {
  override name = 'BucketRefused';
}

/** No answer, or one that says that the server is in trouble: another time it may be there. */
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}

/** What servers say when there is no room: AWS's quota codes, MinIO's and versitygw's own. */
const FULL =
  /^(QuotaExceeded|XMinioStorageFull|XMinioAdminBucketQuotaExceeded|NoSpaceLeftOnDevice|InsufficientStorage)$/;
const KEYS =
  /^(InvalidAccessKeyId|XAdminUserNotFound|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired)$/;

/** HTTP status of an answer that was an error. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
}

/** There is no room: no wait for the server makes any. */
export const isFull = (error: unknown): boolean => FULL.test(nameOf(error)) || statusOf(error) === 507;

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '');

export const isMissing = (error: unknown): boolean =>
  ['NoSuchKey', 'NotFound'].includes(nameOf(error)) && statusOf(error) === 404;

/** The precondition did not hold. If-Match on an object that is not there is a 404. */
export const isRefusedCondition = (error: unknown): boolean => statusOf(error) === 412 || isMissing(error);

/** Two conditional writes met, and this one shall come again. */
export const isCollision = (error: unknown): boolean =>
  statusOf(error) === 409 && nameOf(error) === 'ConditionalRequestConflict';

/**
 * An SDK error as the store's callers know it: `StoreFull`, or `BucketRefused` with what to mend; anything else
 * (throttled, broken, out of reach after all retries) as `StoreUnavailable`, for Temporal to try again. `place`: the
 * bucket.
 */
export function explained(error: unknown, place: string): Error {
  const name = nameOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (isFull(error)) return new StoreFull('the artifact store has no space left', { cause: error });
  if (name === 'NoSuchBucket') return new BucketRefused(`${place}: there is no such bucket`, { cause: error });
  if (KEYS.test(name))
    return new BucketRefused(`${place}: it does not take the credentials: ${name}`, { cause: error });
  if (/^CredentialsProviderError$|^TokenProviderError$/.test(name))
    return new BucketRefused(`${place}: no AWS credentials were found (${message})`, { cause: error });
  if (name === 'AccessDenied' || statusOf(error) === 403)
    return new BucketRefused(`${place}: access is denied: the README lists the permissions`, { cause: error });
  if (/^(PermanentRedirect|AuthorizationHeaderMalformed)$/.test(name))
    return new BucketRefused(`${place}: the bucket lies in another region: ${message}`, { cause: error });
  if (/region is missing/i.test(message))
    return new BucketRefused(`${place}: no region is set: AWS_REGION, or ?region=… in the URL`, { cause: error });
  return new StoreUnavailable(`${place}: ${name}: ${message || 'no answer'}`, { cause: error });
}

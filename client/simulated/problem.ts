/** An answer with an error status, in the shape of the API. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly type: string;
  readonly code: string | undefined;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    type: string,
    message: string,
    details: { code?: string | undefined; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.status = status;
    this.type = type;
    this.code = details.code;
    this.headers = details.headers ?? {};
  }

  body(requestId: string): string {
    return JSON.stringify({ ...errorBody(this.type, this.message, this.code), request_id: requestId });
  }
}

export function errorBody(type: string, message: string, code?: string): Record<string, unknown> {
  return {
    type: 'error',
    error: { type, message, ...(code === undefined ? {} : { details: { error_code: code } }) },
  };
}

export function badRequest(message: string): Problem {
  return new Problem(400, 'invalid_request_error', message);
}

import { defaultGrpcRetryOptions, makeGrpcRetryInterceptor, type ConnectionOptions } from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Interceptor>;

const CANCELLED = 1; // gRPC's code

/**
 * Temporal's retries, made safe for a connection that is closed meanwhile: its retry of a call sits in a timer, where the
 * closed channel's exception would end the process (`@temporalio/client` 1.24.0). The call fails as cancelled instead.
 */
export const retriesOutliveClosing: Interceptor[] = [
  makeGrpcRetryInterceptor(defaultGrpcRetryOptions()),
  (options, nextCall) => {
    try {
      return nextCall(options) as Call;
    } catch {
      return closedCall();
    }
  },
];

function closedCall(): Call {
  const nothing = (): void => undefined;
  const call: Partial<Call> = {
    start: (metadata, listener) =>
      void setImmediate(() => {
        listener?.onReceiveMessage?.(null);
        listener?.onReceiveStatus?.({ code: CANCELLED, details: 'the connection was closed', metadata });
      }),
    getPeer: () => 'closed',
    cancelWithStatus: nothing,
    sendMessage: nothing,
    sendMessageWithContext: nothing,
    startRead: nothing,
    halfClose: nothing,
  };
  return call as Call;
}

/** To the embedded server: a proxy of the environment is for the world, not for this machine. */
export const EMBEDDED = { channelArgs: { 'grpc.enable_http_proxy': 0 }, interceptors: retriesOutliveClosing };

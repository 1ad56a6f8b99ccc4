/**
 * Names that nobody can own (RFC 2606, RFC 6761): no certificate is ever given for them. Environments have one until
 * somebody gives them a host; synth takes it, as it takes an image that is not pushed yet, and a deployment does not.
 */
const reserved = /(^|\.)(example\.(com|net|org)|example|test|invalid|localhost)$/;

export const isReservedHost = (host: string): boolean => reserved.test(host);

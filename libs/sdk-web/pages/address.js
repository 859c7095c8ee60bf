/** Reads what the address of a page asks for: fields of its form, a token, a server. */

/**
 * @typedef {object} PageAddress
 * @property {URLSearchParams} query without the token
 * @property {string | undefined} token
 * @property {boolean} tokenInQuery servers and proxies have written it into their logs
 * @property {string} withoutToken path, query and fragment to show instead
 * @property {string | undefined} foreignServer a server that the link names and that is not this one
 */

/**
 * A token belongs behind `#`: what follows it stays in the browser, so no server's log and no referrer has it.
 * @param {string} address
 * @returns {PageAddress}
 */
export function readAddress(address) {
  const { origin, pathname, searchParams: query, hash } = new URL(address);
  const fragment = new URLSearchParams(hash.slice(1));
  const tokenInQuery = query.has("token");
  const token = fragment.get("token") ?? query.get("token");
  const foreignServer = query.getAll("server").find((server) => !isOwnServer(server, origin));
  fragment.delete("token");
  query.delete("token");
  return {
    query,
    token: token?.replaceAll(" ", "+"), // base64's + reads as a space where nobody encoded it
    tokenInQuery,
    withoutToken: [pathname, String(query) && `?${query}`, String(fragment) && `#${fragment}`].join(""),
    foreignServer,
  };
}

/** Whether a `server` of the link is this page's own, whatever its scheme and path. @param {string} server @param {string} origin */
function isOwnServer(server, origin) {
  try {
    return new URL(server, origin).host === new URL(origin).host;
  } catch {
    return false;
  }
}

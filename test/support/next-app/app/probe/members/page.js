/** A page that Next makes when it builds, for members only: the proxy lets them pass. */

// biome-ignore lint/style/noDefaultExport: Next takes pages so.
export default function Members() {
  return <pre>for members</pre>;
}

/** The error page: it gets the digest, on the client. */
"use client";

// biome-ignore lint/style/noDefaultExport: Next takes pages so.
export default function ErrorPage({ error }) {
  return <p>{error.digest}</p>;
}

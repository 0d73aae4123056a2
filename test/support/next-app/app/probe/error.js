/** The error page: it gets the digest, on the client. */
"use client";

export default function ErrorPage({ error }) {
  return <p>{error.digest}</p>;
}

// The fallback: says so where the page cannot start. It is no module, so that a browser that cannot read those reads it.
addEventListener("load", () => {
  const form = document.getElementById("connect");
  const state = document.getElementById("state");
  if (form === null || state === null || "ready" in form.dataset) return;
  state.textContent =
    "This page cannot start here. Reload it; if that does not help, it needs Chrome or Edge 111, Firefox 114, Safari 17, or a newer one.";
  for (const button of form.querySelectorAll("button")) button.disabled = true;
});

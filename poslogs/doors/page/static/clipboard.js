/** The clipboard: what is put into it, and the button that says so. */

const SAID_MS = 1_500; // how long a button says that it has done its work

/**
 * Put a text into the clipboard, by the old way where a page over plain http has no other. The button says that it is
 * there, or where that is refused `refused`.
 * @param {string} text @param {HTMLButtonElement} button
 */
export async function copy(text, button, refused = "not copied") {
  let done;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const [name, said] = [button.getAttribute("aria-label"), button.textContent ?? ""];
  const tell = (/** @type {string} */ word, /** @type {string | null} */ label) => {
    button.textContent = word;
    if (label !== null) button.setAttribute("aria-label", label);
  };
  tell(done ? "copied" : refused, name === null ? null : done ? "Copied" : "Not copied");
  setTimeout(() => tell(said, name), SAID_MS);
}

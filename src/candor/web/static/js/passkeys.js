// Passkeys: asks the browser's devices to show one, or to make one, and hands the answer to the server.

async function ask(address, csrf, body = {}) {
  const answer = await fetch(address, {
    method: "POST", credentials: "same-origin", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.message || said.detail || String(answer.status));
  return said;
}

const ways = {
  async login(csrf, data) {
    const options = await ask("/login/passkey/begin", csrf);
    const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    return ask("/login/passkey", csrf, { credential: credential.toJSON(), next: data.next });
  },
  async add(csrf, data, box) {
    const options = await ask("/account/passkeys/begin", csrf);
    const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
    return ask("/account/passkeys", csrf, { credential: credential.toJSON(), name: box.querySelector("input")?.value ?? "" });
  },
};

// Where the browser cannot do it, nothing is offered: other ways are beside it.
const able = globalThis.isSecureContext && globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON;
for (const box of able ? document.querySelectorAll("[data-passkey]") : []) {
  box.hidden = false;
  const button = box.querySelector("button"), trouble = box.querySelector('[role="alert"]');
  button.addEventListener("click", async () => {
    button.disabled = true;
    trouble.hidden = true;
    try {
      const said = await ways[box.dataset.passkey](box.dataset.csrf, box.dataset, box);
      location.assign(said.to);
    } catch (error) {
      // Cancelled by the person, or no passkey there: the browser has told why in its own window.
      trouble.textContent = error.name === "NotAllowedError" ? box.dataset.cancelled || "Nothing was changed." : error.message;
      trouble.hidden = false;
      button.disabled = false;
    }
  });
}

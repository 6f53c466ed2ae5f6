"use strict";

// Requests must be signed with an identity's key, which does not belong into a
// browser: the page shows the API and offers no button to call it. The validator
// is another host's service and stays off.
window.addEventListener("load", () => {
  const docs = document.getElementById("docs");
  SwaggerUIBundle({
    url: docs.dataset.spec,
    domNode: docs,
    deepLinking: true,
    supportedSubmitMethods: [],
    validatorUrl: null,
  });
});

//! A cluster's kubeconfig, made fit for the user's machine.
//!
//! What a cluster writes for itself is called `default` throughout and names its server at 127.0.0.1, which is right on the
//! server alone. Here it gets the environment's name, so that it can stand beside others, and the port at which an ssh
//! forward ends: the address stays 127.0.0.1, for which the cluster's certificate holds whatever the node's public
//! address is today.

use serde_json::{Value, json};

/// Why a text is no kubeconfig that can be made fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KubeconfigError {
    /// It is no JSON.
    #[error("what the node answered is not JSON")]
    NotJson,
    /// It lacks the first entry of one of its lists.
    #[error("what the node answered has no `{0}`")]
    Lacks(&'static str),
}

/// Makes a kubeconfig in JSON (which kubectl reads as well as YAML) fit for the user's machine: `name` for its cluster,
/// user and context, and `https://127.0.0.1:PORT` for its server.
///
/// # Errors
/// [`KubeconfigError`].
pub fn fit(text: &str, name: &str, port: u16) -> Result<Value, KubeconfigError> {
    let whole: Value = serde_json::from_str(text).map_err(|_| KubeconfigError::NotJson)?;
    let first = |list: &'static str, item: &str| {
        let found = whole.pointer(&format!("/{list}/0/{item}")).filter(|value| value.is_object());
        found.cloned().ok_or(KubeconfigError::Lacks(list))
    };
    let (mut cluster, user) = (first("clusters", "cluster")?, first("users", "user")?);
    cluster["server"] = json!(format!("https://127.0.0.1:{port}"));
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": name, "cluster": cluster }],
        "users": [{ "name": name, "user": user }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "current-context": name,
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// As `k3s kubectl config view --raw -o json` prints it, with shorter keys.
    const OF_K3S: &str = r#"{
        "kind": "Config", "apiVersion": "v1", "preferences": {},
        "clusters": [{"name": "default", "cluster": {
            "server": "https://127.0.0.1:6443", "certificate-authority-data": "Q0E="}}],
        "users": [{"name": "default", "user": {"client-certificate-data": "Q0VSVA==", "client-key-data": "S0VZ"}}],
        "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}],
        "current-context": "default"
    }"#;

    #[test]
    fn it_gets_the_name_of_the_environment_and_the_port_of_the_forward_and_keeps_its_keys() {
        let fit = fit(OF_K3S, "cloudtop-kube", 7443).unwrap();
        assert_eq!(fit["clusters"][0]["cluster"]["server"], "https://127.0.0.1:7443");
        assert_eq!(fit["clusters"][0]["cluster"]["certificate-authority-data"], "Q0E=");
        assert_eq!(fit["users"][0]["user"]["client-key-data"], "S0VZ");
        for name in [
            &fit["clusters"][0]["name"],
            &fit["users"][0]["name"],
            &fit["contexts"][0]["name"],
            &fit["contexts"][0]["context"]["cluster"],
            &fit["contexts"][0]["context"]["user"],
            &fit["current-context"],
        ] {
            assert_eq!(name, "cloudtop-kube");
        }
        assert!(!fit.to_string().contains("default"));
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused_with_what_it_lacks() {
        assert_eq!(fit("", "a", 1), Err(KubeconfigError::NotJson));
        assert_eq!(fit("{}", "a", 1), Err(KubeconfigError::Lacks("clusters")));
        assert_eq!(
            fit(r#"{"clusters": [{"cluster": {}}], "users": []}"#, "a", 1),
            Err(KubeconfigError::Lacks("users"))
        );
        assert_eq!(fit(r#"{"clusters": [{"cluster": 7}]}"#, "a", 1), Err(KubeconfigError::Lacks("clusters")));
    }
}

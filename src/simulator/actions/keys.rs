//! Key pairs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tags::asked_for;
use super::{Call, done, tag_set};
use crate::simulator::chance;
use crate::simulator::objects::KeyPair;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::world::World;

fn not_found(name: &str) -> Fault {
    Fault::new("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist"))
}

/// The key pair with that name, seen by describes already or not.
pub(super) fn find<'w>(world: &'w World, region: &str, name: &str) -> Result<(&'w String, &'w KeyPair), Fault> {
    world.keys.iter().find(|(_, key)| key.region == region && key.name == name).ok_or_else(|| not_found(name))
}

/// DescribeKeyPairs.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&["fingerprint", "key-name", "key-pair-id", "tag-key"])?;
    let with_key = call.args.flag("IncludePublicKey")?;
    let (names, ids) = (call.args.list("KeyName"), call.args.list("KeyPairId"));
    let seen: Vec<(&String, &KeyPair)> =
        call.world.keys.iter().filter(|(_, key)| key.region == call.region.name && key.visible <= call.now).collect();
    if let Some(absent) = names.iter().find(|name| !seen.iter().any(|(_, key)| key.name == **name)) {
        return Err(not_found(absent));
    }
    if let Some(absent) = ids.iter().find(|asked| !seen.iter().any(|(id, _)| *id == *asked)) {
        return Err(Fault::new("InvalidKeyPair.NotFound", format!("The key pair ID '{absent}' does not exist")));
    }
    let shown = seen.into_iter().filter(|(id, key)| {
        let named =
            (names.is_empty() && ids.is_empty()) || names.contains(&key.name.as_str()) || ids.contains(&id.as_str());
        named
            && filters.accept(&key.tags, |name, is| match name {
                "fingerprint" => is(&key.fingerprint),
                "key-name" => is(&key.name),
                _ => is(id),
            })
    });
    let mut xml = Xml::new();
    xml.list("keySet", shown, |xml, (id, key)| {
        xml.text("keyPairId", id);
        xml.text("keyName", &key.name);
        xml.text("keyFingerprint", &key.fingerprint);
        xml.text("keyType", &key.kind);
        if with_key {
            xml.text("publicKey", &key.public_key);
        }
        xml.time("createTime", key.created);
        tag_set(xml, &key.tags);
    });
    Ok(xml)
}

/// ImportKeyPair: an OpenSSH public key, RSA or ED25519.
pub(super) fn import(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let name = call.args.need("KeyName")?;
    let region = call.region_name();
    let invalid = || Fault::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
    let material = STANDARD.decode(call.args.need("PublicKeyMaterial")?).map_err(|_| invalid())?;
    let text = String::from_utf8(material).map_err(|_| invalid())?;
    let (kind, fingerprint) = read_public_key(text.trim()).ok_or_else(invalid)?;
    if name.len() > 255 || !name.is_ascii() {
        return Err(Fault::value("A key pair's name may have up to 255 ASCII characters."));
    }
    if find(call.world, region, name).is_ok() {
        let message = format!("The keypair already exists: '{name}'");
        return Err(Fault::new("InvalidKeyPair.Duplicate", message));
    }
    let tags = asked_for(&call.args, "key-pair")?;
    let id = call.world.next_id("key");
    let key = KeyPair {
        region: region.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        fingerprint,
        public_key: text.trim().to_owned(),
        created: call.now,
        visible: call.world.visible_from(&id, call.now),
        tags,
    };
    let mut xml = Xml::new();
    xml.text("keyName", &key.name);
    xml.text("keyFingerprint", &key.fingerprint);
    xml.text("keyPairId", &id);
    tag_set(&mut xml, &key.tags);
    call.world.keys.put(&id, key);
    Ok(xml)
}

/// The kind of an OpenSSH public key, with a fingerprint. The fingerprint has EC2's form but is a hash of the simulator's own:
/// EC2's is MD5 for RSA and SHA-256 for ED25519, and nothing here has need of either.
fn read_public_key(line: &str) -> Option<(&'static str, String)> {
    let mut words = line.split_ascii_whitespace();
    let (algorithm, body) = (words.next()?, words.next()?);
    let kind = match algorithm {
        "ssh-ed25519" => "ed25519",
        "ssh-rsa" => "rsa",
        _ => return None,
    };
    let blob = STANDARD.decode(body).ok()?;
    // The blob repeats the algorithm's name, preceded by its length.
    let length: [u8; 4] = blob.get(..4)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    if blob.get(4..4 + length)? != algorithm.as_bytes() || blob.len() < 4 + length + 36 {
        return None;
    }
    let bytes: Vec<u8> = (0..4_u64).flat_map(|part| chance::draw(part, &[body]).to_be_bytes()).collect();
    Some((kind, if kind == "rsa" { colons(bytes.get(..16)?) } else { STANDARD.encode(&bytes) }))
}

fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// DeleteKeyPair: also of one that is not there, which is no error.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let id = match (call.args.get("KeyPairId"), call.args.get("KeyName")) {
        (Some(id), _) => Some(id.to_owned()).filter(|id| call.world.keys.get(id).is_some()),
        (None, Some(name)) => find(call.world, call.region_name(), name).ok().map(|(id, _)| id.clone()),
        (None, None) => return Err(Fault::missing("KeyName")),
    };
    let mut xml = done();
    if let Some(id) = id {
        call.world.keys.remove(&id);
        xml.text("keyPairId", &id);
    }
    Ok(xml)
}

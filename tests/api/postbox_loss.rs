//! After a restore from a copy: what authorities have receipts for is compared with what lies here (fault RL27).

use nutzerkonto::postbox::loss::{Loss, compare};

use crate::both;
use crate::support::authority::{Authority, decision};
use crate::support::doors::connected;

both!(rl27_the_receipts_of_authorities_name_what_was_lost, async |world| {
    let authority = Authority::opens(&world).await;
    let mut renate = connected(&world, &[]).await;
    let notice = decision(&authority.knows(&world, &mut renate).await);
    let (mut ids, mut receipts) = (Vec::new(), Vec::new());
    for key in ["1", "2", "3", "4"] {
        let said = authority.provides(&world, key, &notice).await.json();
        ids.push(said["id"].as_str().unwrap().to_owned());
        receipts.push(said["receipt"].as_str().unwrap().to_owned());
    }
    assert!(compare(&world.app, &receipts.join("\n")).await.unwrap().is_empty());
    // The copy is from before the second and third; of the fourth it has something else.
    for table in ["postbox_event", "postbox_request"] {
        world.change(&format!("DELETE FROM {table} WHERE message_id IN ('{}', '{}')", ids[1], ids[2])).await;
    }
    world.change(&format!("DELETE FROM postbox_message WHERE id IN ('{}', '{}')", ids[1], ids[2])).await;
    world
        .change(&format!(
            "UPDATE postbox_message SET content_hash = (SELECT subject_index FROM consent LIMIT 1) WHERE id = '{}'",
            ids[3]
        ))
        .await;
    let forged = receipts[0].replace('.', ".A");
    let lines = format!("{}\n\n{forged}\nkein Nachweis\n", receipts.join("\n"));
    let found: Vec<String> = compare(&world.app, &lines)
        .await
        .unwrap()
        .into_iter()
        .map(|loss| match loss {
            Loss::Missing(receipt) => format!("missing {}", receipt.jti),
            Loss::Differs(receipt) => format!("differs {}", receipt.jti),
            Loss::Unproven(line, _) => format!("line {line}"),
        })
        .collect();
    let expected = [
        format!("missing {}", ids[1]),
        format!("missing {}", ids[2]),
        format!("differs {}", ids[3]),
        "line 6".to_owned(),
        "line 7".to_owned(),
    ];
    assert_eq!(found, expected);
});
